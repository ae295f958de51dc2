// Breaker: keeps calls away from an engine that fails, and lets one through from time to time to
// see whether it has come back. Arithmetic on a clock that is passed in. Thread-compatible.
//
//   closed     calls go; `failures_in_a_row_max` failures open it
//   open       no calls for `open_time`, which doubles each time up to `open_time_max`
//   half-open  one call goes, and the next when its answer has begun; the first success closes, a
//              failure opens
#pragma once

#include <chrono>
#include <string_view>

#include "net/awaitable.h"

namespace holdfast::upstream {

struct BreakerLimits {
  int failures_in_a_row_max = 5;
  std::chrono::milliseconds open_time{1'000};
  std::chrono::milliseconds open_time_max{30'000};
};

class Breaker {
 public:
  using TimePoint = net::TimePoint;
  explicit Breaker(const BreakerLimits& limits) : limits_(limits), open_time_(limits.open_time) {}

  // Whether a call may go now. Changes nothing.
  bool Admits(TimePoint now) const;
  // A call goes, which Admits allowed. One of the other three follows.
  void Begin();
  void Succeed();
  void Fail(TimePoint now);
  // The next one may try: this one's answer has begun, or it ended without a word on the engine.
  void Release();
  // The engine was seen to come back: a call may try it now.
  void Probe(TimePoint now);

  std::string_view Word(TimePoint now) const;  // "closed", "open", "half_open"

 private:
  BreakerLimits limits_;
  std::chrono::milliseconds open_time_;
  int failures_in_a_row_ = 0;
  bool is_open_ = false;
  TimePoint open_until_{};
  bool is_probed_ = false;  // Half-open, and the one call is under way.
};

}  // namespace holdfast::upstream
