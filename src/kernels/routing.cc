#include "kernels/routing.h"

#include <algorithm>
#include <limits>

#include "base/check.h"

// The order of these lines is Highway's.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/routing.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace holdfast::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Both work in place on a buffer padded to whole vectors. The padding holds lowest floats, which
// become zeros and so add nothing to the softmax's sum.
void SigmoidInPlace(float* values, std::int64_t padded_count) {
  const hn::CappedTag<float, 16> d;
  const auto one = hn::Set(d, 1.0f);
  for (std::int64_t i = 0; i < padded_count; i += hn::Lanes(d)) {
    const auto negative = hn::Min(hn::Neg(hn::Load(d, values + i)), hn::Set(d, 88.0f));
    hn::Store(hn::Div(one, hn::Add(one, hn::Exp(d, negative))), d, values + i);
  }
}

void SoftmaxInPlace(float* values, std::int64_t padded_count) {
  const hn::CappedTag<float, 16> d;
  auto largest = hn::Load(d, values);
  for (std::int64_t i = 0; i < padded_count; i += hn::Lanes(d)) {
    largest = hn::Max(largest, hn::Load(d, values + i));
  }
  largest = hn::MaxOfLanes(d, largest);
  auto sum = hn::Zero(d);
  for (std::int64_t i = 0; i < padded_count; i += hn::Lanes(d)) {
    // Below -87 exp leaves the normal floats.
    const auto shifted = hn::Sub(hn::Load(d, values + i), largest);
    const auto power = hn::IfThenElseZero(hn::Gt(shifted, hn::Set(d, -87.0f)),
                                          hn::Exp(d, hn::Max(shifted, hn::Set(d, -87.0f))));
    hn::Store(power, d, values + i);
    sum = hn::Add(sum, power);
  }
  const auto inverse = hn::Div(hn::Set(d, 1.0f), hn::SumOfLanes(d, sum));
  for (std::int64_t i = 0; i < padded_count; i += hn::Lanes(d)) {
    hn::Store(hn::Mul(hn::Load(d, values + i), inverse), d, values + i);
  }
}

}  // namespace holdfast::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace holdfast::kernels {

HWY_EXPORT(SigmoidInPlace);
HWY_EXPORT(SoftmaxInPlace);

namespace {

constexpr float kExcluded = -std::numeric_limits<float>::infinity();

// Takes the largest value's index out of `values`; the lower index wins a tie.
std::int64_t TakeLargest(float* values, std::int64_t count) {
  const std::int64_t best = std::max_element(values, values + count) - values;
  values[best] = kExcluded;
  return best;
}

float GroupRank(const float* values, std::int64_t count, bool by_two) {
  float best = kExcluded, second = kExcluded;
  for (std::int64_t i = 0; i < count; ++i) {
    if (values[i] > best) {
      second = best;
      best = values[i];
    } else if (values[i] > second) {
      second = values[i];
    }
  }
  return by_two && count > 1 ? best + second : best;
}

void ExcludeGroups(const RoutingOptions& options, float* choice) {
  const std::int64_t size = options.expert_count / options.group_count;
  float ranks[kRoutingExpertsMax];
  bool is_kept[kRoutingExpertsMax] = {};
  for (std::int64_t group = 0; group < options.group_count; ++group) {
    ranks[group] = GroupRank(choice + group * size, size, options.ranks_groups_by_two);
  }
  for (std::int64_t i = 0; i < options.chosen_group_count; ++i) {
    is_kept[TakeLargest(ranks, options.group_count)] = true;
  }
  for (std::int64_t group = 0; group < options.group_count; ++group) {
    if (!is_kept[group]) std::fill_n(choice + group * size, size, kExcluded);
  }
}

}  // namespace

void Route(const float* logits, const float* bias, const RoutingOptions& options,
           std::int32_t* index, float* weight) {
  const std::int64_t count = options.expert_count;
  CHECK(count > 0 && count <= kRoutingExpertsMax && options.chosen_count <= count);
  const std::int64_t padded_count = (count + 15) / 16 * 16;
  alignas(64) float scores[kRoutingExpertsMax];
  std::copy_n(logits, count, scores);
  std::fill(scores + count, scores + padded_count, std::numeric_limits<float>::lowest());
  if (options.is_sigmoid) {
    HWY_DYNAMIC_DISPATCH(SigmoidInPlace)(scores, padded_count);
  } else {
    HWY_DYNAMIC_DISPATCH(SoftmaxInPlace)(scores, padded_count);
  }
  float choice[kRoutingExpertsMax] = {};
  for (std::int64_t i = 0; i < count; ++i) {
    choice[i] = bias == nullptr ? scores[i] : scores[i] + bias[i];
  }
  if (options.group_count > 1) ExcludeGroups(options, choice);
  float sum = 0;
  for (std::int64_t k = 0; k < options.chosen_count; ++k) {
    index[k] = static_cast<std::int32_t>(TakeLargest(choice, count));
    weight[k] = scores[index[k]];
    sum += weight[k];
  }
  const float factor = options.normalizes ? options.scale / (sum + 1e-20f) : options.scale;
  for (std::int64_t k = 0; k < options.chosen_count; ++k) weight[k] *= factor;
}

}  // namespace holdfast::kernels
#endif  // HWY_ONCE
