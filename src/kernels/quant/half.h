// Conversions between f32 and the small float formats, bit-exact and portable: F16 and BF16
// (IEEE round to nearest even) and F8 E4M3 (the "fn" form: no infinities, saturating at 448).
// Pure functions; thread-safe.
#pragma once

#include <bit>
#include <cstdint>

namespace holdfast::kernels {

inline constexpr float kF16Max = 65504.0f;

inline float F16ToF32(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
  const std::uint32_t exponent = (half >> 10) & 31u;
  const std::uint32_t mantissa = half & 0x3FFu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000u | (mantissa << 13));
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | sign);
  }
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

inline std::uint16_t F32ToF16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  std::uint32_t magnitude = bits & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) return sign | 0x7E00u;   // NaN.
  if (magnitude >= 0x477FF000u) return sign | 0x7C00u;  // 65520 and above round to infinity.
  if (magnitude < 0x38800000u) {
    // Below 2^-14 halves are multiples of 2^-24, which is the ulp of 0.5: the addition rounds.
    const float rounded = std::bit_cast<float>(magnitude) + 0.5f;
    return sign | static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(rounded) - 0x3F000000u);
  }
  magnitude += 0xFFFu + ((magnitude >> 13) & 1u);
  return sign | static_cast<std::uint16_t>((magnitude - 0x38000000u) >> 13);
}

inline float BF16ToF32(std::uint16_t value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value) << 16);
}

inline std::uint16_t F32ToBF16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

inline constexpr float kF8E4M3Max = 448.0f;

inline float F8E4M3ToF32(std::uint8_t value) {
  const std::uint32_t sign = static_cast<std::uint32_t>(value & 0x80u) << 24;
  const std::uint32_t exponent = (value >> 3) & 15u;
  const std::uint32_t mantissa = value & 7u;
  if (exponent == 15 && mantissa == 7) return std::bit_cast<float>(sign | 0x7FC00000u);
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-9f;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | sign);
  }
  return std::bit_cast<float>(sign | ((exponent + 120) << 23) | (mantissa << 20));
}

inline std::uint8_t F32ToF8E4M3(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint8_t>((bits >> 24) & 0x80u);
  std::uint32_t magnitude = bits & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) return sign | 0x7Fu;  // NaN.
  if (magnitude < 0x3C800000u) {
    // Below 2^-6 values are multiples of 2^-9, the ulp of 2^14.
    const float rounded = std::bit_cast<float>(magnitude) + 0x1p14f;
    return sign | static_cast<std::uint8_t>(std::bit_cast<std::uint32_t>(rounded) -
                                            std::bit_cast<std::uint32_t>(0x1p14f));
  }
  if (magnitude >= std::bit_cast<std::uint32_t>(kF8E4M3Max)) return sign | 0x7Eu;
  magnitude += 0x7FFFFu + ((magnitude >> 20) & 1u);
  return sign | static_cast<std::uint8_t>((magnitude - (120u << 23)) >> 20);
}

}  // namespace holdfast::kernels
