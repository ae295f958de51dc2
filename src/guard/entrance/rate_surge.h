// RateSurge: whether events come faster than is ordinary: Page's CUSUM for a Poisson rate, with
// hysteresis. Single-threaded.
//
//   S += ln(surge)                                per event
//   S -= (surge - 1) * ordinary * dt              as time passes,         0 <= S <= threshold
//
// which is the log-likelihood ratio of "surge * ordinary" against "ordinary" since the best moment
// of a change. A surge is on from S = threshold until S = 0. Bounds: on after threshold / ln(surge)
// events more than the drift takes; off at most threshold / ((surge - 1) * ordinary) seconds after
// the last event; a steady rate is a surge from (surge - 1) / ln(surge) times the ordinary one.
// Without a surge, events at the ordinary rate turn it on about once in exp(threshold) of them.
// Three words of state, O(1).
#pragma once

#include "guard/clock.h"

namespace holdfast::guard {

class RateSurge {
 public:
  // `surge` > 1, `threshold` > ln(surge).
  RateSurge(double surge, double threshold);

  // `ordinary`: events a second, above 0; may change from call to call.
  void Advance(double ordinary, Time now);
  void AddEvent();  // At the time of the last Advance.
  bool is_on() const { return is_on_; }

 private:
  double surge_;
  double step_;  // ln(surge).
  double threshold_;
  double sum_ = 0;
  Time time_ = Time::min();
  bool is_on_ = false;
};

}  // namespace holdfast::guard
