// What both forms of attention share, once a Highway target: the softmax of a tile of scores and
// the weighted sum of values. No include guard in the usual sense: Highway includes it once a
// target.
#if defined(HOLDFAST_MLA_ATTENTION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HOLDFAST_MLA_ATTENTION_INL_H_
#undef HOLDFAST_MLA_ATTENTION_INL_H_
#else
#define HOLDFAST_MLA_ATTENTION_INL_H_
#endif

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>

// clang-format off
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>
// clang-format on

// Loops over registers must unroll fully, or the arrays of vectors live in memory.
#define HOLDFAST_UNROLL _Pragma("GCC unroll 32")

HWY_BEFORE_NAMESPACE();
namespace holdfast::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<float, 16>;
using Vector = hn::Vec<Tag>;

// Rows computed side by side: rows * kBlockVectors accumulators and their operands fit 32 vector
// registers with AVX-512, 16 with anything older.
#if HWY_TARGET <= HWY_AVX3
constexpr int kBlockRows = 6;
#else
constexpr int kBlockRows = 2;
#endif
constexpr int kBlockVectors = 4;

// Calls body(constant) with the constant equal to `rows`, 1 <= rows <= kMax: the compiler unrolls
// per count, and a row's arithmetic is the same in each.
template <int kMax, typename Body>
HWY_INLINE void WithRowCount(std::int64_t rows, const Body& body) {
  if constexpr (kMax == 1) {
    body(std::integral_constant<int, 1>());
  } else {
    if (rows == kMax) {
      body(std::integral_constant<int, kMax>());
    } else {
      WithRowCount<kMax - 1>(rows, body);
    }
  }
}

// Running softmax of one row: scores[0, count) become weights, scores[count, padded) zero; updates
// max and sum, returns the factor for what was summed before. `padded`: whole vectors. A score that
// is NaN or +infinity makes the sum NaN: the maximum and the exponential below would lose it.
HWY_INLINE float SoftmaxTile(float* scores, std::int64_t count, std::int64_t padded, float& max,
                             float& sum) {
  const Tag d;
  const std::int64_t lanes = hn::Lanes(d);
  const Vector lowest = hn::Set(d, -INFINITY);
  if (count <= 0) {
    std::fill_n(scores, padded, 0.0f);
    return 1.0f;
  }
  std::fill(scores + count, scores + padded, -INFINITY);
  Vector largest = lowest;
  Vector total = hn::Zero(d);
  for (std::int64_t i = 0; i < padded; i += lanes) {
    const Vector score = hn::LoadU(d, scores + i);
    largest = hn::Max(largest, score);
    total = hn::Add(total, score);
  }
  const float new_max = std::max(max, hn::GetLane(hn::MaxOfLanes(d, largest)));
  const Vector shift = hn::Set(d, new_max);
  Vector weights = hn::Zero(d);
  for (std::int64_t i = 0; i < padded; i += lanes) {
    const Vector power = hn::Exp(d, hn::Sub(hn::LoadU(d, scores + i), shift));
    hn::StoreU(power, d, scores + i);
    weights = hn::Add(weights, power);
  }
  const float keep = max == new_max ? 1.0f : std::exp(max - new_max);
  sum = sum * keep + hn::GetLane(hn::SumOfLanes(d, weights));
  // Written so that a NaN is unsound too. Padding makes the sum of sound scores -infinity.
  const bool is_sound = hn::GetLane(hn::SumOfLanes(d, total)) < INFINITY;
  if (!is_sound) sum = NAN;
  max = new_max;
  return keep;
}

// out[r][0, kVectors lanes) = out * keep[r] + sum over j of weights[r][j] * value_of(j), in rising
// j. Values and outputs start at the wanted column.
template <int kRows, int kVectors, typename ValueOf>
HWY_INLINE void WeighValues(const float* weights, std::int64_t weights_stride, std::int64_t keys,
                            const float* keep, const ValueOf& value_of, float* out,
                            std::int64_t out_stride) {
  const Tag d;
  const std::int64_t lanes = hn::Lanes(d);
  Vector total[kRows][kVectors];
  HOLDFAST_UNROLL
  for (int r = 0; r < kRows; ++r) {
    const Vector factor = hn::Set(d, keep[r]);
    HOLDFAST_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      total[r][v] = hn::Mul(hn::LoadU(d, out + r * out_stride + v * lanes), factor);
    }
  }
  for (std::int64_t j = 0; j < keys; ++j) {
    const float* value = value_of(j);
    Vector loaded[kVectors];
    HOLDFAST_UNROLL
    for (int v = 0; v < kVectors; ++v) loaded[v] = hn::LoadU(d, value + v * lanes);
    HOLDFAST_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const Vector weight = hn::Set(d, weights[r * weights_stride + j]);
      HOLDFAST_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        total[r][v] = hn::MulAdd(weight, loaded[v], total[r][v]);
      }
    }
  }
  HOLDFAST_UNROLL
  for (int r = 0; r < kRows; ++r) {
    HOLDFAST_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      hn::StoreU(total[r][v], d, out + r * out_stride + v * lanes);
    }
  }
}

// WeighValues over all columns of a row of `width` (whole vectors). value_at(j, column).
template <int kRows, typename ValueAt>
HWY_INLINE void WeighValueRows(const float* weights, std::int64_t weights_stride, std::int64_t keys,
                               const float* keep, const ValueAt& value_at, std::int64_t width,
                               float* out, std::int64_t out_stride) {
  const std::int64_t lanes = hn::Lanes(Tag());
  std::int64_t column = 0;
  const auto value_of = [&](std::int64_t j) { return value_at(j, column); };
  for (; column + kBlockVectors * lanes <= width; column += kBlockVectors * lanes) {
    WeighValues<kRows, kBlockVectors>(weights, weights_stride, keys, keep, value_of, out + column,
                                      out_stride);
  }
  for (; column < width; column += lanes) {
    WeighValues<kRows, 1>(weights, weights_stride, keys, keep, value_of, out + column, out_stride);
  }
}

}  // namespace holdfast::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
