// Log-likelihood ratios from counts, which most detectors are made of. The logarithms are taken
// once for each conduct that is learned (Ordinary), not for each client. Value types; pure.
#pragma once

#include <algorithm>
#include <cmath>

#include "guard/evidence/baseline.h"

namespace holdfast::guard {

// What one occasion says for "hostile", in nats.
struct Likelihood {
  double done = 0;
  double left = 0;

  // If a hostile client does it with probability `hostile` and an honest one with `honest`.
  static Likelihood Of(double hostile, double honest) {
    return {std::log(hostile / honest), std::log((1 - hostile) / (1 - honest))};
  }

  // Of `count` times done in `occasions`. A client repeats itself, so that many occasions count as
  // `occasions_max` at most.
  double Nats(int count, int occasions, int occasions_max) const {
    if (occasions <= 0) return 0;
    count = std::clamp(count, 0, occasions);
    const double nats = count * done + (occasions - count) * left;
    return occasions <= occasions_max ? nats
                                      : nats * (static_cast<double>(occasions_max) / occasions);
  }
};

// A surface's ordinary conduct as the detectors use it; the detector that defines a likelihood is
// named beside it.
struct Ordinary {
  Likelihood guessed;     // password_stuffing.h
  Likelihood costly;      // cost_at_limits.h
  Likelihood cut_short;   // abandoned_streams.h
  Likelihood echoed;      // payload_similarity.h
  Likelihood overlapped;  // open_loop.h
  Likelihood ignored;     // backs_off.h
  Likelihood repeated;    // repeats_itself.h
  Likelihood read;        // reads_answers.h
  Likelihood thought;     // thinks.h
  double gap_deviation = 1;
};

// Defined in detector.cc.
Ordinary OrdinaryOf(const Conduct& conduct);

}  // namespace holdfast::guard
