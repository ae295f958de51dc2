// The guard's own time: microseconds since an arbitrary start, always passed in, never asked for.
// The gateway feeds it a steady clock, a simulation or a replay a virtual one.
#pragma once

#include <chrono>

namespace holdfast::guard {

using Duration = std::chrono::microseconds;

struct Clock {
  using duration = Duration;
  using rep = Duration::rep;
  using period = Duration::period;
  using time_point = std::chrono::time_point<Clock>;
  static constexpr bool is_steady = true;
};

using Time = Clock::time_point;

constexpr double ToSeconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}
constexpr double ToSeconds(Time time) { return ToSeconds(time.time_since_epoch()); }

// To the nearest microsecond. `seconds` is finite and within +-9e12.
constexpr Duration FromSeconds(double seconds) {
  return Duration(static_cast<Duration::rep>(seconds * 1e6 + (seconds < 0 ? -0.5 : 0.5)));
}
constexpr Time AtSeconds(double seconds) { return Time(FromSeconds(seconds)); }

}  // namespace holdfast::guard
