#include "tensor/dtype.h"

#include <array>

#include "base/check.h"

namespace holdfast::tensor {
namespace {

struct Traits {
  DType type;
  std::string_view name;
  std::size_t block_elements;
  std::size_t block_bytes;
};

constexpr std::array<Traits, 14> kTraits{{
    {DType::kF32, "f32", 1, 4},
    {DType::kF16, "f16", 1, 2},
    {DType::kBF16, "bf16", 1, 2},
    {DType::kF8E4M3, "f8_e4m3", 1, 1},
    {DType::kQ8_0, "q8_0", 32, 34},
    {DType::kQ4_0, "q4_0", 32, 18},
    {DType::kQ4_1, "q4_1", 32, 20},
    {DType::kQ5_0, "q5_0", 32, 22},
    {DType::kQ5_1, "q5_1", 32, 24},
    {DType::kQ4_K, "q4_k", 256, 144},
    {DType::kQ5_K, "q5_k", 256, 176},
    {DType::kQ6_K, "q6_k", 256, 210},
    {DType::kI32, "i32", 1, 4},
    {DType::kI64, "i64", 1, 8},
}};

const Traits& TraitsOf(DType type) {
  const auto index = static_cast<std::size_t>(type);
  CHECK(index < kTraits.size() && kTraits[index].type == type);
  return kTraits[index];
}

}  // namespace

std::size_t BlockElements(DType type) { return TraitsOf(type).block_elements; }
std::size_t BlockBytes(DType type) { return TraitsOf(type).block_bytes; }
std::string_view DTypeName(DType type) { return TraitsOf(type).name; }

std::optional<DType> ParseDType(std::string_view name) {
  for (const Traits& traits : kTraits) {
    if (traits.name == name) return traits.type;
  }
  return std::nullopt;
}

}  // namespace holdfast::tensor
