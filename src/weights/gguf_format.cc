#include "weights/gguf_format.h"

#include <array>

namespace holdfast::weights {
namespace {

using tensor::DType;

struct TensorType {
  std::uint32_t id;
  std::string_view name;
  std::optional<DType> dtype;
};

constexpr std::array<TensorType, 31> kTensorTypes{{
    {0, "f32", DType::kF32},      {1, "f16", DType::kF16},       {2, "q4_0", DType::kQ4_0},
    {3, "q4_1", DType::kQ4_1},    {6, "q5_0", DType::kQ5_0},     {7, "q5_1", DType::kQ5_1},
    {8, "q8_0", DType::kQ8_0},    {9, "q8_1", std::nullopt},     {10, "q2_k", std::nullopt},
    {11, "q3_k", std::nullopt},   {12, "q4_k", DType::kQ4_K},    {13, "q5_k", DType::kQ5_K},
    {14, "q6_k", DType::kQ6_K},   {15, "q8_k", std::nullopt},    {16, "iq2_xxs", std::nullopt},
    {17, "iq2_xs", std::nullopt}, {18, "iq3_xxs", std::nullopt}, {19, "iq1_s", std::nullopt},
    {20, "iq4_nl", std::nullopt}, {21, "iq3_s", std::nullopt},   {22, "iq2_s", std::nullopt},
    {23, "iq4_xs", std::nullopt}, {24, "i8", std::nullopt},      {25, "i16", std::nullopt},
    {26, "i32", DType::kI32},     {27, "i64", DType::kI64},      {28, "f64", std::nullopt},
    {29, "iq1_m", std::nullopt},  {30, "bf16", DType::kBF16},    {34, "tq1_0", std::nullopt},
    {35, "tq2_0", std::nullopt},
}};

}  // namespace

std::size_t GgufScalarBytes(GgufType type) {
  switch (type) {
    case GgufType::kU8:
    case GgufType::kI8:
    case GgufType::kBool:
      return 1;
    case GgufType::kU16:
    case GgufType::kI16:
      return 2;
    case GgufType::kU32:
    case GgufType::kI32:
    case GgufType::kF32:
      return 4;
    case GgufType::kU64:
    case GgufType::kI64:
    case GgufType::kF64:
      return 8;
    case GgufType::kString:
    case GgufType::kArray:
      return 0;
  }
  return 0;
}

const GgufValue* FindValue(const GgufMetadata& metadata, std::string_view key) {
  for (const auto& [name, value] : metadata) {
    if (name == key) return &value;
  }
  return nullptr;
}

std::optional<std::uint32_t> GgufTensorTypeId(DType dtype) {
  for (const TensorType& type : kTensorTypes) {
    if (type.dtype == dtype) return type.id;
  }
  return std::nullopt;
}

std::optional<DType> DTypeOfGgufTensorType(std::uint32_t id) {
  for (const TensorType& type : kTensorTypes) {
    if (type.id == id) return type.dtype;
  }
  return std::nullopt;
}

std::string_view GgufTensorTypeName(std::uint32_t id) {
  for (const TensorType& type : kTensorTypes) {
    if (type.id == id) return type.name;
  }
  return "?";
}

}  // namespace holdfast::weights
