#include <cmath>
#include <cstring>

#include "base/check.h"
#include "kernels/quant/blocks.h"
#include "kernels/quant/half.h"
#include "kernels/quant/quantize.h"

namespace holdfast::kernels {
namespace {

using tensor::DType;

template <typename T>
T Load(const std::byte* source) {
  T value;
  std::memcpy(&value, source, sizeof value);
  return value;
}

void Q8_0ToF32(const BlockQ8_0& block, float* y) {
  const float d = F16ToF32(block.d);
  for (int i = 0; i < 32; ++i) y[i] = static_cast<float>(block.q[i]) * d;
}

void Q4_0ToF32(const BlockQ4_0& block, float* y) {
  const float d = F16ToF32(block.d);
  for (int i = 0; i < 32; ++i) y[i] = static_cast<float>(Nibble(block.q, i) - 8) * d;
}

void Q4_1ToF32(const BlockQ4_1& block, float* y) {
  const float d = F16ToF32(block.d);
  const float min = F16ToF32(block.min);
  for (int i = 0; i < 32; ++i) y[i] = static_cast<float>(Nibble(block.q, i)) * d + min;
}

void Q5_0ToF32(const BlockQ5_0& block, float* y) {
  const float d = F16ToF32(block.d);
  for (int i = 0; i < 32; ++i) {
    y[i] = static_cast<float>((Nibble(block.q, i) | FifthBit(block.high, i)) - 16) * d;
  }
}

void Q5_1ToF32(const BlockQ5_1& block, float* y) {
  const float d = F16ToF32(block.d);
  const float min = F16ToF32(block.min);
  for (int i = 0; i < 32; ++i) {
    y[i] = static_cast<float>(Nibble(block.q, i) | FifthBit(block.high, i)) * d + min;
  }
}

void Q4_KToF32(const BlockQ4_K& block, float* y) {
  const float d = F16ToF32(block.d);
  const float dmin = F16ToF32(block.dmin);
  for (int j = 0; j < 8; ++j) {
    const ScaleMin packed = UnpackScaleMin(block.scales, j);
    const float scale = d * packed.scale;
    const float min = dmin * packed.min;
    const std::uint8_t* q = block.q + 32 * (j / 2);
    const int shift = 4 * (j % 2);
    for (int l = 0; l < 32; ++l) {
      y[32 * j + l] = scale * static_cast<float>((q[l] >> shift) & 15) - min;
    }
  }
}

void Q5_KToF32(const BlockQ5_K& block, float* y) {
  const float d = F16ToF32(block.d);
  const float dmin = F16ToF32(block.dmin);
  for (int j = 0; j < 8; ++j) {
    const ScaleMin packed = UnpackScaleMin(block.scales, j);
    const float scale = d * packed.scale;
    const float min = dmin * packed.min;
    const std::uint8_t* q = block.q + 32 * (j / 2);
    const int shift = 4 * (j % 2);
    for (int l = 0; l < 32; ++l) {
      const int value = ((q[l] >> shift) & 15) | (((block.high[l] >> j) & 1) << 4);
      y[32 * j + l] = scale * static_cast<float>(value) - min;
    }
  }
}

void Q6_KToF32(const BlockQ6_K& block, float* y) {
  const float d = F16ToF32(block.d);
  for (int i = 0; i < kSuperBlock; ++i) {
    const int half = i / 128;
    const int quarter = (i % 128) / 32;
    const int l = i % 32;
    const int sixteenth = i / 16;
    const int low = block.low[64 * half + 32 * (quarter % 2) + l] >> (4 * (quarter / 2)) & 15;
    const int high = block.high[32 * half + l] >> (2 * quarter) & 3;
    const float scale = d * static_cast<float>(block.scales[sixteenth]);
    y[i] = scale * static_cast<float>((low | high << 4) - 32);
  }
}

template <typename Block, int kValues, void (*kConvert)(const Block&, float*)>
void Blocks(const std::byte* source, float* target, std::int64_t count) {
  CHECK(count % kValues == 0);
  for (std::int64_t i = 0; i < count / kValues; ++i) {
    kConvert(Load<Block>(source + i * sizeof(Block)), target + i * kValues);
  }
}

}  // namespace

void DequantizeRow(DType dtype, const std::byte* source, float* target, std::int64_t count) {
  switch (dtype) {
    case DType::kF32:
      std::memcpy(target, source, static_cast<std::size_t>(count) * sizeof(float));
      return;
    case DType::kF16:
      for (std::int64_t i = 0; i < count; ++i) {
        target[i] = F16ToF32(Load<std::uint16_t>(source + 2 * i));
      }
      return;
    case DType::kBF16:
      for (std::int64_t i = 0; i < count; ++i) {
        target[i] = BF16ToF32(Load<std::uint16_t>(source + 2 * i));
      }
      return;
    case DType::kF8E4M3:
      for (std::int64_t i = 0; i < count; ++i) {
        target[i] = F8E4M3ToF32(static_cast<std::uint8_t>(source[i]));
      }
      return;
    case DType::kQ8_0:
      return Blocks<BlockQ8_0, 32, Q8_0ToF32>(source, target, count);
    case DType::kQ4_0:
      return Blocks<BlockQ4_0, 32, Q4_0ToF32>(source, target, count);
    case DType::kQ4_1:
      return Blocks<BlockQ4_1, 32, Q4_1ToF32>(source, target, count);
    case DType::kQ5_0:
      return Blocks<BlockQ5_0, 32, Q5_0ToF32>(source, target, count);
    case DType::kQ5_1:
      return Blocks<BlockQ5_1, 32, Q5_1ToF32>(source, target, count);
    case DType::kQ4_K:
      return Blocks<BlockQ4_K, kSuperBlock, Q4_KToF32>(source, target, count);
    case DType::kQ5_K:
      return Blocks<BlockQ5_K, kSuperBlock, Q5_KToF32>(source, target, count);
    case DType::kQ6_K:
      return Blocks<BlockQ6_K, kSuperBlock, Q6_KToF32>(source, target, count);
    case DType::kI32:
    case DType::kI64:
      break;
  }
  CHECK_MSG(false, "dtype {} is not a float format", tensor::DTypeName(dtype));
}

void DequantizeViewRow(const tensor::TensorView& view, std::int64_t row, float* target) {
  const std::int64_t cols = view.Cols();
  DequantizeRow(view.dtype, view.Row(row), target, cols);
  if (view.dtype != DType::kF8E4M3 || view.block_scale == nullptr) return;
  constexpr std::int64_t kScaleBlock = 128;
  const float* scales =
      view.block_scale + row / kScaleBlock * ((cols + kScaleBlock - 1) / kScaleBlock);
  for (std::int64_t i = 0; i < cols; ++i) target[i] *= scales[i / kScaleBlock];
}

bool IsFinite(std::span<const float> values) {
  bool is_finite = true;
  for (float value : values) is_finite &= std::isfinite(value);
  return is_finite;
}

}  // namespace holdfast::kernels
