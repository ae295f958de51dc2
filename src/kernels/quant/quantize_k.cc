// Idea: a sub-block of values x is stored as x ~ s q - m (Q4_K, Q5_K) or x ~ s q (Q6_K), with s and
// m themselves integers times the super-block's two half floats. Three searches, each for the least
// squared error:
//   1. per sub-block, real s and m (scale_search.h);
//   2. the super-block's scales follow from the largest s and m;
//   3. per sub-block, the integers around s / d and m / dmin are tried with x rounded anew, so an
//      error in one is made good by the other.
#include "kernels/quant/quantize_k.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/quant/half.h"
#include "kernels/quant/scale_search.h"

namespace holdfast::kernels {
namespace {

float AffineError(const float* x, float scale, float min, float q_max) {
  const float inverse = scale > 0.0f ? 1.0f / scale : 0.0f;
  SumLanes error;
  for (int i = 0; i < 32; i += kSumLanes) {
    for (int l = 0; l < kSumLanes; ++l) {
      const float q = RoundClamped((x[i + l] + min) * inverse, 0.0f, q_max);
      const float difference = x[i + l] - (scale * q - min);
      error.value[l] += difference * difference;
    }
  }
  return error.Sum();
}

struct AffineBlock {
  std::uint16_t d = 0;
  std::uint16_t dmin = 0;
  std::array<ScaleMin, 8> packed{};
  std::array<std::uint8_t, kSuperBlock> q{};
};

ScaleMin SearchScaleMin(const float* x, const AffineFit& fit, float d, float dmin, float q_max) {
  const float inverse_d = d > 0.0f ? 1.0f / d : 0.0f;
  const float inverse_dmin = dmin > 0.0f ? 1.0f / dmin : 0.0f;
  const int scale0 = static_cast<int>(RoundClamped(fit.scale * inverse_d, 0.0f, 63.0f));
  const int min0 = static_cast<int>(RoundClamped(fit.min * inverse_dmin, 0.0f, 63.0f));
  ScaleMin best{static_cast<std::uint8_t>(scale0), static_cast<std::uint8_t>(min0)};
  float best_error = std::numeric_limits<float>::infinity();
  for (int scale = std::max(scale0 - 2, 0); scale <= std::min(scale0 + 2, 63); ++scale) {
    for (int min = std::max(min0 - 2, 0); min <= std::min(min0 + 2, 63); ++min) {
      const float error =
          AffineError(x, d * static_cast<float>(scale), dmin * static_cast<float>(min), q_max);
      if (error < best_error) {
        best_error = error;
        best = {static_cast<std::uint8_t>(scale), static_cast<std::uint8_t>(min)};
      }
    }
  }
  return best;
}

AffineBlock ToAffine(const float* x, float q_max) {
  std::array<AffineFit, 8> fits;
  float scale_max = 0.0f;
  float min_max = 0.0f;
  for (int j = 0; j < 8; ++j) {
    fits[j] = SearchAffine<MinSign::kNotNegative>(x + 32 * j, q_max);
    scale_max = std::max(scale_max, fits[j].scale);
    min_max = std::max(min_max, fits[j].min);
  }
  AffineBlock block;
  block.d = F32ToF16(scale_max / 63.0f);
  block.dmin = F32ToF16(min_max / 63.0f);
  const float d = F16ToF32(block.d);
  const float dmin = F16ToF32(block.dmin);
  for (int j = 0; j < 8; ++j) {
    const float* values = x + 32 * j;
    block.packed[j] = SearchScaleMin(values, fits[j], d, dmin, q_max);
    const float scale = d * block.packed[j].scale;
    const float min = dmin * block.packed[j].min;
    const float inverse = scale > 0.0f ? 1.0f / scale : 0.0f;
    for (int i = 0; i < 32; ++i) {
      block.q[32 * j + i] =
          static_cast<std::uint8_t>(RoundClamped((values[i] + min) * inverse, 0.0f, q_max));
    }
  }
  return block;
}

float SymmetricError(const float* x, float scale) {
  const float inverse = scale != 0.0f ? 1.0f / scale : 0.0f;
  SumLanes error;
  for (int i = 0; i < 16; i += kSumLanes) {
    for (int l = 0; l < kSumLanes; ++l) {
      const float q = RoundClamped(x[i + l] * inverse, -32.0f, 31.0f);
      const float difference = x[i + l] - scale * q;
      error.value[l] += difference * difference;
    }
  }
  return error.Sum();
}

int SearchStoredScale(const float* x, float target, float d) {
  const float inverse = d != 0.0f ? 1.0f / d : 0.0f;
  const int scale0 = static_cast<int>(RoundClamped(target * inverse, -128.0f, 127.0f));
  int best = scale0;
  float best_error = std::numeric_limits<float>::infinity();
  for (int scale = std::max(scale0 - 2, -128); scale <= std::min(scale0 + 2, 127); ++scale) {
    const float error = SymmetricError(x, d * static_cast<float>(scale));
    if (error < best_error) {
      best_error = error;
      best = scale;
    }
  }
  return best;
}

}  // namespace

BlockQ4_K ToQ4_K(const float* x) {
  const AffineBlock affine = ToAffine(x, 15.0f);
  BlockQ4_K block{};
  block.d = affine.d;
  block.dmin = affine.dmin;
  PackScaleMin(affine.packed, block.scales);
  for (int j = 0; j < 4; ++j) {
    for (int l = 0; l < 32; ++l) {
      block.q[32 * j + l] =
          static_cast<std::uint8_t>(affine.q[64 * j + l] | affine.q[64 * j + 32 + l] << 4);
    }
  }
  return block;
}

BlockQ5_K ToQ5_K(const float* x) {
  const AffineBlock affine = ToAffine(x, 31.0f);
  BlockQ5_K block{};
  block.d = affine.d;
  block.dmin = affine.dmin;
  PackScaleMin(affine.packed, block.scales);
  for (int j = 0; j < 8; ++j) {
    for (int l = 0; l < 32; ++l) {
      const std::uint8_t q = affine.q[32 * j + l];
      block.q[32 * (j / 2) + l] |= static_cast<std::uint8_t>((q & 15) << (4 * (j % 2)));
      block.high[l] |= static_cast<std::uint8_t>((q >> 4) << j);
    }
  }
  return block;
}

BlockQ6_K ToQ6_K(const float* x) {
  std::array<float, 16> scales;
  float extreme = 0.0f;
  for (int j = 0; j < 16; ++j) {
    scales[j] = SearchScale<16>(x + 16 * j, -32.0f);
    if (std::abs(scales[j]) > std::abs(extreme)) extreme = scales[j];
  }
  BlockQ6_K block{};
  // The scale of largest magnitude becomes -128, the widest the byte has.
  block.d = F32ToF16(extreme / -128.0f);
  const float d = F16ToF32(block.d);
  for (int j = 0; j < 16; ++j) {
    const int stored = SearchStoredScale(x + 16 * j, scales[j], d);
    block.scales[j] = static_cast<std::int8_t>(stored);
    const float scale = d * static_cast<float>(stored);
    const float inverse = scale != 0.0f ? 1.0f / scale : 0.0f;
    for (int i = 16 * j; i < 16 * j + 16; ++i) {
      const int q = static_cast<int>(RoundClamped(x[i] * inverse, -32.0f, 31.0f)) + 32;
      const int half = i / 128;
      const int quarter = (i % 128) / 32;
      block.low[64 * half + 32 * (quarter % 2) + i % 32] |=
          static_cast<std::uint8_t>((q & 15) << (4 * (quarter / 2)));
      block.high[32 * half + i % 32] |= static_cast<std::uint8_t>((q >> 4) << (2 * quarter));
    }
  }
  return block;
}

}  // namespace holdfast::kernels
