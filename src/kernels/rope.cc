#include "kernels/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

// The order of these lines is Highway's.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/rope.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace holdfast::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void RopeRow(const float* x, const float* cos, const float* sin, std::int64_t dim, float* y) {
  const hn::CappedTag<float, 16> d;
  const std::int64_t lanes = hn::Lanes(d);
  const std::int64_t pairs = dim / 2;
  std::int64_t i = 0;
  for (; i + lanes <= pairs; i += lanes) {
    hn::Vec<decltype(d)> a, b;
    hn::LoadInterleaved2(d, x + 2 * i, a, b);
    const auto c = hn::LoadU(d, cos + i), s = hn::LoadU(d, sin + i);
    const auto turned_a = hn::Sub(hn::Mul(a, c), hn::Mul(b, s));
    const auto turned_b = hn::Add(hn::Mul(a, s), hn::Mul(b, c));
    hn::StoreInterleaved2(turned_a, turned_b, d, y + 2 * i);
  }
  for (; i < pairs; ++i) {
    const float a = x[2 * i], b = x[2 * i + 1];
    y[2 * i] = a * cos[i] - b * sin[i];
    y[2 * i + 1] = a * sin[i] + b * cos[i];
  }
}

}  // namespace holdfast::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace holdfast::kernels {

HWY_EXPORT(RopeRow);

RopeTable MakeRopeTable(std::int64_t dim, double base, const YarnOptions* yarn) {
  RopeTable table;
  const std::int64_t pairs = dim / 2;
  table.frequency.resize(pairs);
  for (std::int64_t i = 0; i < pairs; ++i) {
    table.frequency[i] = std::pow(base, -2.0 * static_cast<double>(i) / static_cast<double>(dim));
  }
  if (yarn == nullptr) return table;

  // The pair that turns `rotations` times over the original context; real-valued.
  const auto pair_of = [&](double rotations) {
    return static_cast<double>(dim) *
           std::log(yarn->original_positions / (rotations * 2 * std::numbers::pi)) /
           (2 * std::log(base));
  };
  const double low = std::max(std::floor(pair_of(yarn->beta_fast)), 0.0);
  const double high = std::min(std::ceil(pair_of(yarn->beta_slow)), static_cast<double>(dim - 1));
  const double span = std::max(high - low, 1e-3);
  for (std::int64_t i = 0; i < pairs; ++i) {
    // 0: a fast pair, kept; 1: a slow pair, stretched by `factor`.
    const double ramp = std::clamp((static_cast<double>(i) - low) / span, 0.0, 1.0);
    table.frequency[i] *= ramp / yarn->factor + (1.0 - ramp);
  }
  const auto mscale = [&](double m) {
    return yarn->factor > 1 ? 0.1 * m * std::log(yarn->factor) + 1.0 : 1.0;
  };
  table.amplitude = mscale(yarn->mscale) / mscale(yarn->mscale_all_dim);
  if (yarn->mscale_all_dim != 0) {
    table.softmax_scale_factor = mscale(yarn->mscale_all_dim) * mscale(yarn->mscale_all_dim);
  }
  return table;
}

void RopeAngles(const RopeTable& table, std::int64_t position, float* cos, float* sin) {
  for (std::size_t i = 0; i < table.frequency.size(); ++i) {
    const double angle = static_cast<double>(position) * table.frequency[i];
    cos[i] = static_cast<float>(std::cos(angle) * table.amplitude);
    sin[i] = static_cast<float>(std::sin(angle) * table.amplitude);
  }
}

void Rope(const float* x, const float* cos, const float* sin, std::int64_t dim, float* y) {
  HWY_DYNAMIC_DISPATCH(RopeRow)(x, cos, sin, dim, y);
}

}  // namespace holdfast::kernels
#endif  // HWY_ONCE
