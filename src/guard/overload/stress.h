// Stress: whether capacity is short, and whether it is ordinary time, of which one may learn.
// Single-threaded; a few nanoseconds a look.
//
// Short: somebody waits, or demand is near what can be served, or was a minute ago. A small house
// is short most of an ordinary day, since a few who ask at once are enough.
//
// Pressed: demand is near capacity or above for longer than that; a mean over half a minute tells.
// What is far above is pressing within a second or two, 1.2 times the capacity within half a
// minute. Time is quiet a minute after the last of it.
//
// Crowded: all attempts together are one and a half times the capacity or more. Below it nearly all
// are served, so that a house which is full every day comes to know its people, too. An attack that
// comes again without heed is no demand by the count of first attempts, but it crowds.
#pragma once

#include <algorithm>
#include <cmath>

#include "guard/clock.h"

namespace holdfast::guard {

class Stress {
 public:
  // From the first look on, nothing is learned for `settle`, and it is not quiet for `quiet_after`:
  // it has not shown yet whether anything presses.
  Stress(Duration settle, Duration quiet_after) : settle_(settle), quiet_after_(quiet_after) {}

  // In the last seconds, over capacity: `pressure` demand, `crowding` all attempts.
  // `somebody_waits`: for an answer.
  void Look(double pressure, double crowding, bool somebody_waits, Time now) {
    if (!has_looked_) {
      learns_from_ = now + settle_;
      quiet_from_ = uncrowded_from_ = now + quiet_after_;
      looked_ = now;
    }
    has_looked_ = true;
    const double gain = 1 - std::exp(-ToSeconds(now - looked_) / kMean_s);
    looked_ = now;
    // What presses a hundredfold is over no later.
    mean_ = std::min(mean_ + gain * (pressure - mean_), kMost);
    crowd_ = std::min(crowd_ + gain * (crowding - crowd_), kMost);
    if (somebody_waits || pressure > kNear) short_until_ = now + kHold;
    const bool is_crowded = crowd_ > kCrowded;
    if (mean_ > kNear || is_crowded) learns_from_ = quiet_from_ = now + kHold;
    if (is_crowded) uncrowded_from_ = now + kHold;
  }

  bool is_short(Time now) const { return now < short_until_; }
  bool is_quiet(Time now) const { return now >= quiet_from_; }
  bool is_uncrowded(Time now) const { return now >= uncrowded_from_; }
  // As quiet, and it was so for `settle` at the beginning.
  bool may_learn(Time now) const { return now >= learns_from_; }

 private:
  static constexpr double kNear = 0.8;
  static constexpr double kCrowded = 1.5;
  static constexpr double kMost = 2;
  static constexpr double kMean_s = 30;
  // Else an attack is let in again whenever turning it away has helped.
  static constexpr Duration kHold = std::chrono::seconds(60);

  Duration settle_;
  Duration quiet_after_;
  bool has_looked_ = false;
  Time looked_{};
  double mean_ = 0;   // Of pressure,
  double crowd_ = 0;  // and of crowding.
  Time short_until_{};
  Time learns_from_{};
  Time quiet_from_{};
  Time uncrowded_from_{};
};

}  // namespace holdfast::guard
