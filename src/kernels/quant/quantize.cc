#include "kernels/quant/quantize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "kernels/quant/blocks.h"
#include "kernels/quant/half.h"
#include "kernels/quant/quantize_k.h"
#include "kernels/quant/scale_search.h"

namespace holdfast::kernels {
namespace {

using tensor::DType;

template <typename T>
void Store(std::byte* target, const T& value) {
  std::memcpy(target, &value, sizeof value);
}

BlockQ8_0 ToQ8_0(const float* x) {
  float amax = 0.0f;
  for (int i = 0; i < 32; ++i) amax = std::max(amax, std::abs(x[i]));
  BlockQ8_0 block{};
  block.d = F32ToF16(amax / 127.0f);
  const float inverse = amax > 0.0f ? 127.0f / amax : 0.0f;
  for (int i = 0; i < 32; ++i) {
    block.q[i] = static_cast<std::int8_t>(RoundClamped(x[i] * inverse, -127.0f, 127.0f));
  }
  return block;
}

// Integers of 32 values, and their places in a block of four or five bits.
using Integers = std::array<std::uint8_t, 32>;

void StoreNibbles(const Integers& values, std::uint8_t* q) {
  for (int i = 0; i < 16; ++i) {
    q[i] = static_cast<std::uint8_t>((values[i] & 15) | values[i + 16] << 4);
  }
}

void StoreFifthBits(const Integers& values, std::uint8_t* high) {
  for (int i = 0; i < 32; ++i) {
    high[i / 8] = static_cast<std::uint8_t>(high[i / 8] | (values[i] >> 4) << (i % 8));
  }
}

struct Symmetric {
  std::uint16_t d = 0;
  Integers q{};  // Raised by -q_min.
};

Symmetric ToSymmetric(const float* x, float q_min) {
  Symmetric block;
  block.d = F32ToF16(SearchScale<32>(x, q_min));
  const float d = F16ToF32(block.d);
  const float inverse = d != 0.0f ? 1.0f / d : 0.0f;
  for (int i = 0; i < 32; ++i) {
    block.q[i] =
        static_cast<std::uint8_t>(RoundClamped(x[i] * inverse, q_min, -q_min - 1.0f) - q_min);
  }
  return block;
}

struct Affine {
  std::uint16_t d = 0;
  std::uint16_t min = 0;
  Integers q{};
};

Affine ToAffine(const float* x, float q_max) {
  const AffineFit fit = SearchAffine<MinSign::kAny>(x, q_max);
  Affine block;
  block.d = F32ToF16(fit.scale);
  block.min = F32ToF16(-fit.min);
  const float d = F16ToF32(block.d);
  const float min = F16ToF32(block.min);
  const float inverse = d != 0.0f ? 1.0f / d : 0.0f;
  for (int i = 0; i < 32; ++i) {
    block.q[i] = static_cast<std::uint8_t>(RoundClamped((x[i] - min) * inverse, 0.0f, q_max));
  }
  return block;
}

BlockQ4_0 ToQ4_0(const float* x) {
  const Symmetric symmetric = ToSymmetric(x, -8.0f);
  BlockQ4_0 block{.d = symmetric.d, .q = {}};
  StoreNibbles(symmetric.q, block.q);
  return block;
}

BlockQ4_1 ToQ4_1(const float* x) {
  const Affine affine = ToAffine(x, 15.0f);
  BlockQ4_1 block{.d = affine.d, .min = affine.min, .q = {}};
  StoreNibbles(affine.q, block.q);
  return block;
}

BlockQ5_0 ToQ5_0(const float* x) {
  const Symmetric symmetric = ToSymmetric(x, -16.0f);
  BlockQ5_0 block{.d = symmetric.d, .high = {}, .q = {}};
  StoreNibbles(symmetric.q, block.q);
  StoreFifthBits(symmetric.q, block.high);
  return block;
}

BlockQ5_1 ToQ5_1(const float* x) {
  const Affine affine = ToAffine(x, 31.0f);
  BlockQ5_1 block{.d = affine.d, .min = affine.min, .high = {}, .q = {}};
  StoreNibbles(affine.q, block.q);
  StoreFifthBits(affine.q, block.high);
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
    case DType::kQ4_1:
      return Blocks<BlockQ4_1, 32, ToQ4_1>(source, target, count);
    case DType::kQ5_0:
      return Blocks<BlockQ5_0, 32, ToQ5_0>(source, target, count);
    case DType::kQ5_1:
      return Blocks<BlockQ5_1, 32, ToQ5_1>(source, target, count);
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
