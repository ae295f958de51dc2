// CutSegment: a stretch of a trace as the ordinary traffic of a service that copes with it. Real
// traces come from services of another size, and the most bursty of them stand still for half the
// time and bring ten times their mean for some seconds: at any mean load worth the name that alone
// overloads an engine, and nothing that happens beside it could be told apart from it. So a stretch
// is brought to a mean rate, and its bursts are flattened as far as need be and no further.
//
// Flattening mixes each request's place in time, t, with its place in the stretch's total cost, c,
// both in [0, 1]: (1 - f) t + f c. Order stays, silences shrink, and cost never comes faster than
// 1/f times its mean. f is the smallest multiple of 0.05 at which no kPeakWindow holds more than
// `peak_max` times its mean; 0 where the trace is even enough. Pure function.
#pragma once

#include "drill/scenario.h"
#include "drill/traces.h"

namespace holdfast::drill {

inline constexpr Duration kPeakWindow = std::chrono::seconds(10);

struct SegmentOptions {
  Duration length{0};
  double requests_per_s = 0;
  double begin = 0;       // Where in a longer trace the stretch lies, in [0, 1).
  double peak_max = 1.4;  // Cost of the worst window over the mean's.
};

// `trace` has at least one request; a shorter one is repeated. Null: no request fits.
Trace CutSegment(const Trace& trace, const SegmentOptions& options);

// Weighted tokens of the worst kPeakWindow over those of the mean one.
double PeakOf(const std::vector<TracedRequest>& requests, Duration length);

}  // namespace holdfast::drill
