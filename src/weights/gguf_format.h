// The vocabulary of the GGUF format, shared by reader and writer: value types, metadata values and
// the ids of tensor types (docs/formats/gguf.md). Value types; thread-compatible.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tensor/dtype.h"

namespace holdfast::weights {

inline constexpr std::string_view kGgufMagic = "GGUF";
inline constexpr std::uint32_t kGgufVersion = 3;  // Written; 2 and 3 are read.
inline constexpr std::uint64_t kGgufAlignmentDefault = 32;

enum class GgufType : std::uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};
inline constexpr std::uint32_t kGgufTypeCount = 13;

// Bytes of a scalar; 0 for strings and arrays.
std::size_t GgufScalarBytes(GgufType type);

// An array's elements, in the vector that fits `element`: strings, floats, or integers and bools.
struct GgufArray {
  GgufType element = GgufType::kI32;
  std::vector<std::string> strings;
  std::vector<double> floats;
  std::vector<std::int64_t> integers;  // U64 above 2^63 - 1 is refused by the reader.
};

struct GgufValue {
  GgufType type = GgufType::kU32;
  std::variant<std::int64_t, double, bool, std::string, GgufArray> value;

  static GgufValue U32(std::uint32_t value) { return {GgufType::kU32, std::int64_t{value}}; }
  static GgufValue F32(float value) { return {GgufType::kF32, double{value}}; }
  static GgufValue Bool(bool value) { return {GgufType::kBool, value}; }
  static GgufValue String(std::string value) { return {GgufType::kString, std::move(value)}; }
  static GgufValue Strings(std::vector<std::string> values) {
    return {GgufType::kArray, GgufArray{GgufType::kString, std::move(values), {}, {}}};
  }
  static GgufValue Int32s(std::vector<std::int64_t> values) {
    return {GgufType::kArray, GgufArray{GgufType::kI32, {}, {}, std::move(values)}};
  }
};

// In the file's order; keys are unique.
using GgufMetadata = std::vector<std::pair<std::string, GgufValue>>;

const GgufValue* FindValue(const GgufMetadata& metadata, std::string_view key);

// Ids of tensor types; nullopt for the ones we do not have.
std::optional<std::uint32_t> GgufTensorTypeId(tensor::DType dtype);
std::optional<tensor::DType> DTypeOfGgufTensorType(std::uint32_t id);
// Name of any id that the format defines, for error messages: "q2_k"; "?" for an unknown one.
std::string_view GgufTensorTypeName(std::uint32_t id);

}  // namespace holdfast::weights
