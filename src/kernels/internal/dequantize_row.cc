#include "kernels/internal/dequantize_row.h"

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>

#include "base/check.h"

namespace holdfast::kernels::internal {
namespace {

using tensor::DType;

std::uint16_t LoadU16(const std::uint8_t* bytes) {
  std::uint16_t value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

void DequantizeQ8_0(const std::uint8_t* block, float* values) {
  const float d = FloatFromHalf(LoadU16(block));
  for (int i = 0; i < 32; ++i) {
    values[i] = d * static_cast<float>(static_cast<std::int8_t>(block[2 + i]));
  }
}

void DequantizeQ4_0(const std::uint8_t* block, float* values) {
  const float d = FloatFromHalf(LoadU16(block));
  for (int i = 0; i < 16; ++i) {
    values[i] = d * static_cast<float>((block[2 + i] & 15) - 8);
    values[i + 16] = d * static_cast<float>((block[2 + i] >> 4) - 8);
  }
}

struct ScaleMin {
  int scale;
  int min;
};

// Scale and minimum of sub-block `j` (0..7) from the 12 bytes that hold sixteen 6-bit numbers.
ScaleMin KScaleMin(const std::uint8_t* packed, int j) {
  if (j < 4) return {packed[j] & 63, packed[j + 4] & 63};
  return {(packed[j + 4] & 15) | ((packed[j - 4] >> 6) << 4),
          (packed[j + 4] >> 4) | ((packed[j] >> 6) << 4)};
}

// Q4_K, and Q5_K with `high` holding the fifth bits.
void DequantizeQ45K(const std::uint8_t* block, const std::uint8_t* high, const std::uint8_t* low,
                    float* values) {
  const float d = FloatFromHalf(LoadU16(block));
  const float dmin = FloatFromHalf(LoadU16(block + 2));
  for (int j = 0; j < 8; ++j) {
    const auto [scale, min] = KScaleMin(block + 4, j);
    for (int i = 0; i < 32; ++i) {
      const int byte = low[j / 2 * 32 + i];
      int q = j % 2 == 0 ? byte & 15 : byte >> 4;
      if (high != nullptr) q |= ((high[i] >> j) & 1) << 4;
      values[j * 32 + i] =
          d * static_cast<float>(scale) * static_cast<float>(q) - dmin * static_cast<float>(min);
    }
  }
}

void DequantizeQ6_K(const std::uint8_t* block, float* values) {
  const std::uint8_t* low = block;
  const std::uint8_t* high = block + 128;
  const std::uint8_t* scales = block + 192;
  const float d = FloatFromHalf(LoadU16(block + 208));
  for (int i = 0; i < 256; ++i) {
    // Halves of 128 values; in each, four runs of 32 share the bytes of `high`.
    const int half = i / 128;
    const int run = i % 128 / 32;
    const int at = i % 32;
    const int low_byte = low[half * 64 + run % 2 * 32 + at];
    const int low_bits = run < 2 ? low_byte & 15 : low_byte >> 4;
    const int high_bits = (high[half * 32 + at] >> (2 * run)) & 3;
    const auto scale = static_cast<std::int8_t>(scales[i / 16]);
    values[i] =
        d * static_cast<float>(scale) * static_cast<float>((low_bits | high_bits << 4) - 32);
  }
}

void DequantizeBlock(DType type, const std::uint8_t* block, float* values) {
  switch (type) {
    case DType::kF32:
      std::memcpy(values, block, sizeof(float));
      return;
    case DType::kF16:
      *values = FloatFromHalf(LoadU16(block));
      return;
    case DType::kBF16:
      *values = FloatFromBFloat16(LoadU16(block));
      return;
    case DType::kF8E4M3:
      *values = FloatFromE4M3(*block);
      return;
    case DType::kQ8_0:
      return DequantizeQ8_0(block, values);
    case DType::kQ4_0:
      return DequantizeQ4_0(block, values);
    case DType::kQ4_K:
      return DequantizeQ45K(block, nullptr, block + 16, values);
    case DType::kQ5_K:
      return DequantizeQ45K(block, block + 16, block + 48, values);
    case DType::kQ6_K:
      return DequantizeQ6_K(block, values);
    case DType::kI32:
    case DType::kI64:
      break;
  }
  CHECK_MSG(false, "no values of type {}", tensor::DTypeName(type));
}

}  // namespace

float FloatFromHalf(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000) << 16;
  const std::uint32_t exponent = (bits >> 10) & 31;
  const std::uint32_t mantissa = bits & 1023;
  if (exponent == 0) {  // Zero or subnormal: mantissa * 2^-24, exact in f32.
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(magnitude));
  }
  const std::uint32_t wide = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | mantissa << 13);
}

float FloatFromBFloat16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

float FloatFromE4M3(std::uint8_t bits) {
  const int exponent = (bits >> 3) & 15;
  const int mantissa = bits & 7;
  if (exponent == 15 && mantissa == 7) return std::numeric_limits<float>::quiet_NaN();
  const float magnitude = exponent == 0
                              ? static_cast<float>(mantissa) * 0x1p-9f
                              : std::ldexp(static_cast<float>(8 + mantissa), exponent - 10);
  return (bits & 0x80) != 0 ? -magnitude : magnitude;
}

bool IsDequantizable(DType type) { return type != DType::kI32 && type != DType::kI64; }

void DequantizeRow(const tensor::TensorView& weight, std::int64_t row, float* values) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(weight.Row(row));
  const std::int64_t step = static_cast<std::int64_t>(tensor::BlockElements(weight.dtype));
  const std::size_t block_bytes = tensor::BlockBytes(weight.dtype);
  const std::int64_t cols = weight.Cols();
  for (std::int64_t k = 0; k < cols; k += step, bytes += block_bytes) {
    DequantizeBlock(weight.dtype, bytes, values + k);
  }
  if (weight.dtype == DType::kF8E4M3 && weight.block_scale != nullptr) {
    const float* scales = weight.block_scale + row / 128 * ((cols + 127) / 128);
    for (std::int64_t k = 0; k < cols; ++k) values[k] *= scales[k / 128];
  }
}

}  // namespace holdfast::kernels::internal
