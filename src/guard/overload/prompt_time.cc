#include "guard/overload/prompt_time.h"

#include <algorithm>

namespace holdfast::guard {
namespace {

constexpr double kMemory = 48;
constexpr double kLowWeight = 4;

}  // namespace

void PromptTime::Learn(std::uint32_t prompt_tokens, double seconds) {
  const double x = prompt_tokens;
  const double weight = is_known() && seconds < this->seconds(prompt_tokens) ? kLowWeight : 1;
  for (double* sum : {&weight_, &sum_x_, &sum_y_, &sum_xx_, &sum_xy_}) *sum *= 1 - 1 / kMemory;
  weight_ += weight;
  sum_x_ += weight * x;
  sum_y_ += weight * seconds;
  sum_xx_ += weight * x * x;
  sum_xy_ += weight * x * seconds;

  const double mean_x = sum_x_ / weight_;
  const double mean_y = sum_y_ / weight_;
  // One prompt's worth of spread at the mean stands in until lengths differ: no slope from nothing.
  const double spread = sum_xx_ / weight_ - mean_x * mean_x + 1 + 0.01 * mean_x * mean_x;
  const double slope = (sum_xy_ / weight_ - mean_x * mean_y) / spread;
  per_token_ = std::clamp(slope, 0.0, mean_y / std::max(mean_x, 1.0));
  base_ = std::max(mean_y - per_token_ * mean_x, 0.0);
}

void PromptTime::Save(StateWriter& writer) const {
  for (const double value : {base_, per_token_, weight_, sum_x_, sum_y_, sum_xx_, sum_xy_}) {
    writer.Put(value);
  }
}

void PromptTime::Load(StateReader& reader) {
  for (double* value : {&base_, &per_token_, &weight_, &sum_x_, &sum_y_, &sum_xx_, &sum_xy_}) {
    *value = reader.TakeDouble(0, 1e18);
  }
}

}  // namespace holdfast::guard
