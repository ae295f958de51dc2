#include "kernels/rms_norm.h"

#include <cmath>

// The order of these lines is Highway's.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/rms_norm.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace holdfast::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<float, 16>;

// Four accumulators hide the latency of the multiply-add.
float SumOfSquares(const float* x, std::int64_t count) {
  const Tag d;
  const std::int64_t lanes = hn::Lanes(d);
  auto sum0 = hn::Zero(d), sum1 = hn::Zero(d), sum2 = hn::Zero(d), sum3 = hn::Zero(d);
  std::int64_t i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    const auto x0 = hn::LoadU(d, x + i), x1 = hn::LoadU(d, x + i + lanes);
    const auto x2 = hn::LoadU(d, x + i + 2 * lanes), x3 = hn::LoadU(d, x + i + 3 * lanes);
    sum0 = hn::MulAdd(x0, x0, sum0);
    sum1 = hn::MulAdd(x1, x1, sum1);
    sum2 = hn::MulAdd(x2, x2, sum2);
    sum3 = hn::MulAdd(x3, x3, sum3);
  }
  for (; i + lanes <= count; i += lanes) {
    const auto x0 = hn::LoadU(d, x + i);
    sum0 = hn::MulAdd(x0, x0, sum0);
  }
  float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3))));
  for (; i < count; ++i) sum += x[i] * x[i];
  return sum;
}

void RmsNormRow(const float* x, const float* weight, float epsilon, std::int64_t count, float* y) {
  const Tag d;
  const std::int64_t lanes = hn::Lanes(d);
  const float mean = SumOfSquares(x, count) / static_cast<float>(count);
  const float factor = 1.0f / std::sqrt(mean + epsilon);
  const auto factors = hn::Set(d, factor);
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto scaled = hn::Mul(hn::LoadU(d, x + i), factors);
    hn::StoreU(hn::Mul(scaled, hn::LoadU(d, weight + i)), d, y + i);
  }
  for (; i < count; ++i) y[i] = x[i] * factor * weight[i];
}

void AddScaledRow(float* x, const float* added, float scale, std::int64_t count) {
  const Tag d;
  const std::int64_t lanes = hn::Lanes(d);
  const auto scales = hn::Set(d, scale);
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(hn::MulAdd(hn::LoadU(d, added + i), scales, hn::LoadU(d, x + i)), d, x + i);
  }
  for (; i < count; ++i) x[i] += added[i] * scale;
}

void AddRmsNormRow(float* x, const float* added, const float* weight, float epsilon,
                   std::int64_t count, float* y) {
  AddScaledRow(x, added, 1.0f, count);
  RmsNormRow(x, weight, epsilon, count, y);
}

}  // namespace holdfast::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace holdfast::kernels {

HWY_EXPORT(RmsNormRow);
HWY_EXPORT(AddRmsNormRow);
HWY_EXPORT(AddScaledRow);

void RmsNorm(const float* x, const float* weight, float epsilon, std::int64_t count, float* y) {
  HWY_DYNAMIC_DISPATCH(RmsNormRow)(x, weight, epsilon, count, y);
}

void AddRmsNorm(float* x, const float* added, const float* weight, float epsilon,
                std::int64_t count, float* y) {
  HWY_DYNAMIC_DISPATCH(AddRmsNormRow)(x, added, weight, epsilon, count, y);
}

void AddScaled(float* x, const float* added, float scale, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(AddScaledRow)(x, added, scale, count);
}

}  // namespace holdfast::kernels
#endif  // HWY_ONCE
