// Pacer: when the next of those who wait starts. Single-threaded; a few nanoseconds an event.
//
// Without it a start follows the end of somebody else's work, whose length nobody knows: starts are
// then nearly as random as a Poisson process, and so is every wait. While there is a backlog, a
// clock starts requests instead: after one of cost c the next is due c / rate later. The rate is
// the capacity as it is learned, steered by up to kSteer so that what is in the engine floats
// around its limits without leaving them: continuous batching absorbs a few more or fewer at no
// cost. A wait is then the cost ahead over the rate, however short the queue.
//
//   rate = capacity * (1 + kSteer * room),  room in [-1, 1]: 0 at the limits, 1: far below them
//
// Capacity is itself a mean over what was started, so that steering adds up in it: together they
// are a proportional-integral controller whose set point is the limit. Time in which the engine
// took nothing is not made up for.
#pragma once

#include <algorithm>

#include "guard/clock.h"

namespace holdfast::guard {

class Pacer {
 public:
  // After a start of `cost`.
  void OnStart(double cost, double capacity, double room, bool has_waited, Time now) {
    const double steer = kSteer * std::clamp(room, -1.0, 1.0);
    steer_mean_ += kMeanGain * (steer - steer_mean_);
    const Time from = has_waited ? std::clamp(due_, now - kCatchUp, now) : now;
    due_ = from + FromSeconds(std::min(cost / (capacity * (1 + steer)), kGapMax));
  }
  // When the next of those who wait may start.
  Time due() const { return due_; }
  // Recent rate over capacity: what capacity, a slower mean, is about to become.
  double factor() const { return 1 + steer_mean_; }

 private:
  static constexpr double kSteer = 0.3;
  static constexpr double kMeanGain = 1.0 / 32;
  static constexpr double kGapMax = 2;  // Seconds, whatever the rate is held to be.
  static constexpr Duration kCatchUp = std::chrono::milliseconds(20);

  Time due_{};
  double steer_mean_ = 0;
};

}  // namespace holdfast::guard
