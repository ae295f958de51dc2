// How a group of values x is best stored as small integers q: the scale s (and minimum m) of least
// squared error. Deterministic; values of any size, NaN included, give some scale without harm.
// Where sums of finite values overflow, the scale is infinite, never a small one.
// Pure functions; thread-safe.
#pragma once

#include <algorithm>
#include <limits>

namespace holdfast::kernels {

// The scale of x ~ s q for integers q in q_min..-q_min - 1. For 16 and 32 values.
template <int kCount>
float SearchScale(const float* x, float q_min);

struct AffineFit {
  float scale = 0.0f;
  float min = 0.0f;  // Subtracted.
  float error = std::numeric_limits<float>::infinity();
};

// Which minima a format stores: those of k-quants are never negative.
enum class MinSign { kAny, kNotNegative };

// Scale and minimum of 32 values: x ~ s q - m for integers q in 0..q_max.
template <MinSign kSign>
AffineFit SearchAffine(const float* x, float q_max);

// Rounds to the nearest integer of low..high, NaN to low. The addition rounds (ulp 1 at 1.5 *
// 2^23), which the compiler can vectorize; values are clamped first.
inline float RoundClamped(float value, float low, float high) {
  constexpr float kMagic = 12582912.0f;
  return (std::min(std::max(low, value), high) + kMagic) - kMagic;
}

// Sums are kept in lanes, so that the compiler can vectorize them without reordering anything.
inline constexpr int kSumLanes = 8;

struct SumLanes {
  float value[kSumLanes] = {};

  float Sum() const {
    float sum = 0.0f;
    for (float lane : value) sum += lane;
    return sum;
  }
};

}  // namespace holdfast::kernels
