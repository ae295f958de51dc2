// Log-likelihood ratios from counts, which most detectors are made of. Pure.
#pragma once

#include <algorithm>
#include <cmath>

namespace holdfast::guard {

// What speaks for "hostile" in `done` of `occasions`, if a hostile client does so with probability
// `hostile` and an honest one with `honest`. A client repeats itself, so that many occasions count
// as `occasions_max` at most.
inline double LikelihoodRatio(int done, int occasions, double hostile, double honest,
                              int occasions_max) {
  if (occasions <= 0) return 0;
  done = std::clamp(done, 0, occasions);
  const double nats = done * std::log(hostile / honest) +
                      (occasions - done) * std::log((1 - hostile) / (1 - honest));
  return nats * std::min(1.0, static_cast<double>(occasions_max) / occasions);
}

}  // namespace holdfast::guard
