// Bf16: a bfloat16 number as stored (the upper half of a binary32), with scalar conversions. Value
// type; arithmetic is done in float.
#pragma once

#include <bit>
#include <cstdint>

namespace holdfast::kernels {

struct Bf16 {
  std::uint16_t bits = 0;
};

inline float ToFloat(Bf16 value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16);
}
inline float ToFloat(float value) { return value; }

// Rounds to nearest, ties to even. NaN stays NaN only if its upper bits say so.
inline void FromFloat(float value, Bf16& out) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  out.bits = static_cast<std::uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}
inline void FromFloat(float value, float& out) { out = value; }

}  // namespace holdfast::kernels
