#include "upstream/breaker.h"

#include <algorithm>

namespace holdfast::upstream {

bool Breaker::Admits(TimePoint now) const {
  return !is_open_ || (now >= open_until_ && !is_probed_);
}

void Breaker::Begin() {
  if (is_open_) is_probed_ = true;
}

void Breaker::Succeed() {
  failures_in_a_row_ = 0;
  is_open_ = false;
  is_probed_ = false;
  open_time_ = limits_.open_time;
}

void Breaker::Fail(TimePoint now) {
  ++failures_in_a_row_;
  if (is_open_ && now < open_until_) return;  // A call from before it opened.
  if (!is_open_ && failures_in_a_row_ < limits_.failures_in_a_row_max) return;
  if (is_open_) open_time_ = std::min(open_time_ * 2, limits_.open_time_max);
  is_open_ = true;
  is_probed_ = false;
  open_until_ = now + open_time_;
}

void Breaker::Release() { is_probed_ = false; }

void Breaker::Probe(TimePoint now) {
  if (is_open_) open_until_ = std::min(open_until_, now);
}

std::string_view Breaker::Word(TimePoint now) const {
  if (!is_open_) return "closed";
  return now < open_until_ ? "open" : "half_open";
}

}  // namespace holdfast::upstream
