// Several ways to round x to integers, each followed by the closed-form least-squares fit of s (and
// m) to those integers; the best fit wins.
#include "kernels/quant/scale_search.h"

#include <cmath>

namespace holdfast::kernels {
namespace {

constexpr int kCount = 32;
// Candidates of the affine search: inverse scales (q_max + step * size) / range.
constexpr float kAffineStep = 0.2f;
constexpr int kAffineStepFirst = -2;
constexpr int kAffineStepLast = 10;
// Candidates of the symmetric search: inverse scales (q_min + step * size) / extreme.
constexpr float kScaleStep = 0.1f;
constexpr int kScaleSteps = 9;

// Least-squares fit of x ~ s q - m for the integers q that (x + shift) * inverse gives. `sx` is the
// sum of x, `sxx` of its squares.
template <MinSign kSign>
AffineFit FitAffine(const float* x, float sx, float sxx, float shift, float inverse, float q_max) {
  SumLanes q_lanes;
  SumLanes qq_lanes;
  SumLanes xq_lanes;
  for (int i = 0; i < kCount; i += kSumLanes) {
    for (int l = 0; l < kSumLanes; ++l) {
      const float q = RoundClamped((x[i + l] + shift) * inverse, 0.0f, q_max);
      q_lanes.value[l] += q;
      qq_lanes.value[l] += q * q;
      xq_lanes.value[l] += x[i + l] * q;
    }
  }
  const float sq = q_lanes.Sum();
  const float sqq = qq_lanes.Sum();
  const float sxq = xq_lanes.Sum();
  AffineFit fit;
  const float determinant = kCount * sqq - sq * sq;
  if (determinant > 0.0f) {
    fit.scale = (kCount * sxq - sx * sq) / determinant;
    fit.min = (fit.scale * sq - sx) / kCount;
  }
  if (determinant <= 0.0f || (kSign == MinSign::kNotNegative && fit.min < 0.0f)) {
    fit.min = 0.0f;
    fit.scale = sqq > 0.0f ? sxq / sqq : 0.0f;
  }
  if (!(fit.scale >= 0.0f)) return {};
  // sum (x - s q + m)^2, multiplied out.
  fit.error = sxx + fit.scale * (fit.scale * sqq - 2.0f * sxq - 2.0f * fit.min * sq) +
              fit.min * (2.0f * sx + kCount * fit.min);
  return fit;
}

}  // namespace

template <MinSign kSign>
AffineFit SearchAffine(const float* x, float q_max) {
  float low = *std::min_element(x, x + kCount);
  if (kSign == MinSign::kNotNegative) low = std::min(low, 0.0f);
  const float high = *std::max_element(x, x + kCount);
  if (!(high > low)) return {.scale = 0.0f, .min = -low, .error = 0.0f};
  SumLanes x_lanes;
  SumLanes xx_lanes;
  for (int i = 0; i < kCount; i += kSumLanes) {
    for (int l = 0; l < kSumLanes; ++l) {
      x_lanes.value[l] += x[i + l];
      xx_lanes.value[l] += x[i + l] * x[i + l];
    }
  }
  const float sx = x_lanes.Sum();
  const float sxx = xx_lanes.Sum();
  // Stays so where no candidate's error is finite.
  AffineFit best{.scale = std::numeric_limits<float>::infinity()};
  // Steps between a grid a little wider than the values' range and one that clips a few of them.
  for (int step = kAffineStepFirst; step <= kAffineStepLast; ++step) {
    const float inverse = (q_max + kAffineStep * static_cast<float>(step)) / (high - low);
    AffineFit fit = FitAffine<kSign>(x, sx, sxx, -low, inverse, q_max);
    // A second rounding on the fitted grid reaches assignments the range-based grid cannot.
    if (fit.scale > 0.0f) {
      const AffineFit again = FitAffine<kSign>(x, sx, sxx, fit.min, 1.0f / fit.scale, q_max);
      if (again.error < fit.error) fit = again;
    }
    if (fit.error < best.error) best = fit;
  }
  return best;
}

template <int kCount>
float SearchScale(const float* x, float q_min) {
  float extreme = 0.0f;
  for (int i = 0; i < kCount; ++i) {
    if (std::abs(x[i]) > std::abs(extreme)) extreme = x[i];
  }
  if (extreme == 0.0f) return 0.0f;
  float best_gain = -1.0f;
  float best_scale = 0.0f;
  for (int step = -kScaleSteps; step <= kScaleSteps; ++step) {
    const float inverse = (q_min + kScaleStep * static_cast<float>(step)) / extreme;
    SumLanes xq_lanes;
    SumLanes qq_lanes;
    for (int i = 0; i < kCount; i += kSumLanes) {
      for (int l = 0; l < kSumLanes; ++l) {
        const float q = RoundClamped(x[i + l] * inverse, q_min, -q_min - 1.0f);
        xq_lanes.value[l] += x[i + l] * q;
        qq_lanes.value[l] += q * q;
      }
    }
    const float xq = xq_lanes.Sum();
    const float qq = qq_lanes.Sum();
    // With the best scale xq / qq the squared error is sum(x^2) - xq^2 / qq.
    if (qq > 0.0f && xq * xq > best_gain * qq) {
      best_gain = xq * xq / qq;
      best_scale = xq / qq;
    }
  }
  return best_scale;
}

template float SearchScale<16>(const float* x, float q_min);
template float SearchScale<32>(const float* x, float q_min);
template AffineFit SearchAffine<MinSign::kAny>(const float* x, float q_max);
template AffineFit SearchAffine<MinSign::kNotNegative>(const float* x, float q_max);

}  // namespace holdfast::kernels
