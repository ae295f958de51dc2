// Idea: a sub-block of values x is stored as x ~ s q - m (Q4_K, Q5_K) or x ~ s q (Q6_K), with s and
// m themselves integers times the super-block's two half floats. Three searches, each for the least
// squared error:
//   1. per sub-block, real s and m: several ways to round x to integers, each followed by the
//      closed-form least-squares fit of s and m to those integers;
//   2. the super-block's scales follow from the largest s and m;
//   3. per sub-block, the integers around s / d and m / dmin are tried with x rounded anew, so an
//      error in one is made good by the other.
#include "kernels/quant/quantize_k.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/quant/half.h"

namespace holdfast::kernels {
namespace {

constexpr float kF16Max = 65504.0f;
// Candidates of the affine search: inverse scales (q_max + step * size) / range.
constexpr float kStepSize = 0.2f;
constexpr int kStepFirst = -2;
constexpr int kStepLast = 10;

struct Fit {
  float scale = 0.0f;
  float min = 0.0f;  // Subtracted; never negative.
  float error = std::numeric_limits<float>::infinity();
};

// Rounds to the nearest integer of low..high, NaN to low. The addition rounds (ulp 1 at 1.5 *
// 2^23), which the compiler can vectorize; values are clamped first.
inline float RoundClamped(float value, float low, float high) {
  constexpr float kMagic = 12582912.0f;
  return (std::min(std::max(low, value), high) + kMagic) - kMagic;
}

// Sums are kept in lanes, so that the compiler can vectorize them without reordering anything.
constexpr int kLanes = 8;

struct Lanes {
  float value[kLanes] = {};

  float Sum() const {
    float sum = 0.0f;
    for (float lane : value) sum += lane;
    return sum;
  }
};

// Least-squares fit of x ~ s q - m with m >= 0 for the integers q that (x + shift) * inverse gives.
// `sx` is the sum of x, `sxx` of its squares.
template <int kCount>
Fit FitAffine(const float* x, float sx, float sxx, float shift, float inverse, float q_max) {
  Lanes q_lanes;
  Lanes qq_lanes;
  Lanes xq_lanes;
  for (int i = 0; i < kCount; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) {
      const float q = RoundClamped((x[i + l] + shift) * inverse, 0.0f, q_max);
      q_lanes.value[l] += q;
      qq_lanes.value[l] += q * q;
      xq_lanes.value[l] += x[i + l] * q;
    }
  }
  const float sq = q_lanes.Sum();
  const float sqq = qq_lanes.Sum();
  const float sxq = xq_lanes.Sum();
  Fit fit;
  const float determinant = kCount * sqq - sq * sq;
  if (determinant > 0.0f) {
    fit.scale = (kCount * sxq - sx * sq) / determinant;
    fit.min = (fit.scale * sq - sx) / kCount;
  }
  if (determinant <= 0.0f || fit.min < 0.0f) {
    fit.min = 0.0f;
    fit.scale = sqq > 0.0f ? sxq / sqq : 0.0f;
  }
  if (!(fit.scale >= 0.0f)) return {};
  // sum (x - s q + m)^2, multiplied out.
  fit.error = sxx + fit.scale * (fit.scale * sqq - 2.0f * sxq - 2.0f * fit.min * sq) +
              fit.min * (2.0f * sx + kCount * fit.min);
  return fit;
}

template <int kCount>
Fit SearchAffine(const float* x, float q_max) {
  const float low = std::min(*std::min_element(x, x + kCount), 0.0f);
  const float high = *std::max_element(x, x + kCount);
  if (!(high > low)) return {.scale = 0.0f, .min = -low, .error = 0.0f};
  Lanes x_lanes;
  Lanes xx_lanes;
  for (int i = 0; i < kCount; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) {
      x_lanes.value[l] += x[i + l];
      xx_lanes.value[l] += x[i + l] * x[i + l];
    }
  }
  const float sx = x_lanes.Sum();
  const float sxx = xx_lanes.Sum();
  Fit best;
  // Steps between a grid a little wider than the values' range and one that clips a few of them.
  for (int step = kStepFirst; step <= kStepLast; ++step) {
    const float inverse = (q_max + kStepSize * static_cast<float>(step)) / (high - low);
    Fit fit = FitAffine<kCount>(x, sx, sxx, -low, inverse, q_max);
    // A second rounding on the fitted grid reaches assignments the range-based grid cannot.
    if (fit.scale > 0.0f) {
      const Fit again = FitAffine<kCount>(x, sx, sxx, fit.min, 1.0f / fit.scale, q_max);
      if (again.error < fit.error) fit = again;
    }
    if (fit.error < best.error) best = fit;
  }
  return best;
}

template <int kCount>
float AffineError(const float* x, float scale, float min, float q_max) {
  const float inverse = scale > 0.0f ? 1.0f / scale : 0.0f;
  Lanes error;
  for (int i = 0; i < kCount; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) {
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

ScaleMin SearchScaleMin(const float* x, const Fit& fit, float d, float dmin, float q_max) {
  const float inverse_d = d > 0.0f ? 1.0f / d : 0.0f;
  const float inverse_dmin = dmin > 0.0f ? 1.0f / dmin : 0.0f;
  const int scale0 = static_cast<int>(RoundClamped(fit.scale * inverse_d, 0.0f, 63.0f));
  const int min0 = static_cast<int>(RoundClamped(fit.min * inverse_dmin, 0.0f, 63.0f));
  ScaleMin best{static_cast<std::uint8_t>(scale0), static_cast<std::uint8_t>(min0)};
  float best_error = std::numeric_limits<float>::infinity();
  for (int scale = std::max(scale0 - 2, 0); scale <= std::min(scale0 + 2, 63); ++scale) {
    for (int min = std::max(min0 - 2, 0); min <= std::min(min0 + 2, 63); ++min) {
      const float error =
          AffineError<32>(x, d * static_cast<float>(scale), dmin * static_cast<float>(min), q_max);
      if (error < best_error) {
        best_error = error;
        best = {static_cast<std::uint8_t>(scale), static_cast<std::uint8_t>(min)};
      }
    }
  }
  return best;
}

AffineBlock ToAffine(const float* x, float q_max) {
  std::array<Fit, 8> fits;
  float scale_max = 0.0f;
  float min_max = 0.0f;
  for (int j = 0; j < 8; ++j) {
    fits[j] = SearchAffine<32>(x + 32 * j, q_max);
    scale_max = std::max(scale_max, fits[j].scale);
    min_max = std::max(min_max, fits[j].min);
  }
  AffineBlock block;
  block.d = F32ToF16(std::min(scale_max / 63.0f, kF16Max));
  block.dmin = F32ToF16(std::min(min_max / 63.0f, kF16Max));
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

// Best s of x ~ s q with q in -32..31, by the same search as above.
Fit SearchSymmetric(const float* x) {
  float extreme = 0.0f;
  float norm = 0.0f;
  for (int i = 0; i < 16; ++i) {
    if (std::abs(x[i]) > std::abs(extreme)) extreme = x[i];
    norm += x[i] * x[i];
  }
  if (!(norm > 0.0f)) return {.scale = 0.0f, .min = 0.0f, .error = 0.0f};
  Fit best;
  for (int step = -9; step <= 9; ++step) {
    const float inverse = (-32.0f + 0.1f * static_cast<float>(step)) / extreme;
    Lanes xq_lanes;
    Lanes qq_lanes;
    for (int i = 0; i < 16; i += kLanes) {
      for (int l = 0; l < kLanes; ++l) {
        const float q = RoundClamped(x[i + l] * inverse, -32.0f, 31.0f);
        xq_lanes.value[l] += x[i + l] * q;
        qq_lanes.value[l] += q * q;
      }
    }
    const float xq = xq_lanes.Sum();
    const float qq = qq_lanes.Sum();
    if (!(qq > 0.0f)) continue;
    const float error = norm - xq * xq / qq;
    if (error < best.error) best = {.scale = xq / qq, .min = 0.0f, .error = error};
  }
  return best;
}

float SymmetricError(const float* x, float scale) {
  const float inverse = scale != 0.0f ? 1.0f / scale : 0.0f;
  Lanes error;
  for (int i = 0; i < 16; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) {
      const float q = RoundClamped(x[i + l] * inverse, -32.0f, 31.0f);
      const float difference = x[i + l] - scale * q;
      error.value[l] += difference * difference;
    }
  }
  return error.Sum();
}

int SearchScale(const float* x, float target, float d) {
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
    scales[j] = SearchSymmetric(x + 16 * j).scale;
    if (std::abs(scales[j]) > std::abs(extreme)) extreme = scales[j];
  }
  BlockQ6_K block{};
  // The scale of largest magnitude becomes -128, the widest the byte has.
  block.d = F32ToF16(std::clamp(extreme / -128.0f, -kF16Max, kF16Max));
  const float d = F16ToF32(block.d);
  for (int j = 0; j < 16; ++j) {
    const int stored = SearchScale(x + 16 * j, scales[j], d);
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
