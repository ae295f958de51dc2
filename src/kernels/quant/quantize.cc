#include "kernels/quant/quantize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "kernels/quant/blocks.h"
#include "kernels/quant/half.h"
#include "kernels/quant/quantize_k.h"

namespace holdfast::kernels {
namespace {

using tensor::DType;

template <typename T>
void Store(std::byte* target, const T& value) {
  std::memcpy(target, &value, sizeof value);
}

// Nearest integer, ties to even, clamped: safe for any float, NaN included.
int RoundTo(float value, float low, float high) {
  if (!(value > low)) return static_cast<int>(low);
  return static_cast<int>(std::nearbyint(std::min(value, high)));
}

BlockQ8_0 ToQ8_0(const float* x) {
  float amax = 0.0f;
  for (int i = 0; i < 32; ++i) amax = std::max(amax, std::abs(x[i]));
  BlockQ8_0 block{};
  block.d = F32ToF16(std::min(amax / 127.0f, 65504.0f));
  const float inverse = amax > 0.0f ? 127.0f / amax : 0.0f;
  for (int i = 0; i < 32; ++i) {
    block.q[i] = static_cast<std::int8_t>(RoundTo(x[i] * inverse, -127.0f, 127.0f));
  }
  return block;
}

// The scale of least squared error among candidates around extreme / -8, each refitted by least
// squares to the integers it gave.
BlockQ4_0 ToQ4_0(const float* x) {
  float extreme = 0.0f;
  for (int i = 0; i < 32; ++i) {
    if (std::abs(x[i]) > std::abs(extreme)) extreme = x[i];
  }
  BlockQ4_0 block{};
  if (extreme == 0.0f) {
    std::fill(std::begin(block.q), std::end(block.q), 0x88);
    return block;
  }
  float best_gain = -1.0f;
  float best_scale = 0.0f;
  for (int step = -9; step <= 9; ++step) {
    const float inverse = (-8.0f + 0.1f * static_cast<float>(step)) / extreme;
    float xq = 0.0f;
    float qq = 0.0f;
    for (int i = 0; i < 32; ++i) {
      const auto q = static_cast<float>(RoundTo(x[i] * inverse, -8.0f, 7.0f));
      xq += x[i] * q;
      qq += q * q;
    }
    // With the best scale xq / qq the squared error is sum(x^2) - xq^2 / qq.
    if (qq > 0.0f && xq * xq > best_gain * qq) {
      best_gain = xq * xq / qq;
      best_scale = xq / qq;
    }
  }
  block.d = F32ToF16(std::clamp(best_scale, -65504.0f, 65504.0f));
  const float d = F16ToF32(block.d);
  const float inverse = d != 0.0f ? 1.0f / d : 0.0f;
  for (int i = 0; i < 16; ++i) {
    const int low = RoundTo(x[i] * inverse, -8.0f, 7.0f) + 8;
    const int high = RoundTo(x[i + 16] * inverse, -8.0f, 7.0f) + 8;
    block.q[i] = static_cast<std::uint8_t>(low | high << 4);
  }
  return block;
}

template <typename Block, int kValues, Block (*kConvert)(const float*)>
void Blocks(const float* source, std::byte* target, std::int64_t count) {
  CHECK(count % kValues == 0);
  for (std::int64_t i = 0; i < count / kValues; ++i) {
    Store(target + i * sizeof(Block), kConvert(source + i * kValues));
  }
}

}  // namespace

void QuantizeRow(DType dtype, const float* source, std::byte* target, std::int64_t count) {
  switch (dtype) {
    case DType::kF32:
      std::memcpy(target, source, static_cast<std::size_t>(count) * sizeof(float));
      return;
    case DType::kF16:
      for (std::int64_t i = 0; i < count; ++i) Store(target + 2 * i, F32ToF16(source[i]));
      return;
    case DType::kBF16:
      for (std::int64_t i = 0; i < count; ++i) Store(target + 2 * i, F32ToBF16(source[i]));
      return;
    case DType::kF8E4M3:
      for (std::int64_t i = 0; i < count; ++i) Store(target + i, F32ToF8E4M3(source[i]));
      return;
    case DType::kQ8_0:
      return Blocks<BlockQ8_0, 32, ToQ8_0>(source, target, count);
    case DType::kQ4_0:
      return Blocks<BlockQ4_0, 32, ToQ4_0>(source, target, count);
    case DType::kQ4_K:
      return Blocks<BlockQ4_K, kSuperBlock, ToQ4_K>(source, target, count);
    case DType::kQ5_K:
      return Blocks<BlockQ5_K, kSuperBlock, ToQ5_K>(source, target, count);
    case DType::kQ6_K:
      return Blocks<BlockQ6_K, kSuperBlock, ToQ6_K>(source, target, count);
    case DType::kI32:
    case DType::kI64:
      break;
  }
  CHECK_MSG(false, "dtype {} is not a float format", tensor::DTypeName(dtype));
}

}  // namespace holdfast::kernels
