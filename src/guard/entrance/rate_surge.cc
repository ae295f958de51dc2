#include "guard/entrance/rate_surge.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace holdfast::guard {

RateSurge::RateSurge(double surge, double threshold)
    : surge_(surge), step_(std::log(surge)), threshold_(threshold) {
  CHECK(surge > 1 && threshold > step_);
}

void RateSurge::Advance(double ordinary, Time now) {
  CHECK(ordinary > 0);
  if (time_ == Time::min()) time_ = now;
  sum_ = std::max(0.0, sum_ - (surge_ - 1) * ordinary * ToSeconds(now - time_));
  time_ = now;
  if (sum_ == 0) is_on_ = false;
}

void RateSurge::AddEvent() {
  sum_ = std::min(threshold_, sum_ + step_);
  if (sum_ == threshold_) is_on_ = true;
}

}  // namespace holdfast::guard
