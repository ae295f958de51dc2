// Backs off: it waited as long as it was told before it came again.
//
// Evidence: share of Retry-After that it obeyed, at the ordinary rate against 10 %; only what
// speaks for it.
//
// Fails when: bots obey, at the price of their rate.
#pragma once

#include <algorithm>

#include "guard/evidence/detectors/detector.h"
#include "guard/evidence/detectors/likelihood.h"

namespace holdfast::guard {

inline Likelihood LikelihoodOfIgnoring(const Conduct& ordinary) {
  return Likelihood::Of(0.9, std::min(0.85, ordinary.ignored));
}

inline double BacksOff(const ClientView& view) {
  return std::clamp(view.ordinary.ignored.Nats(view.client.ignored, view.client.told, 3), -4.0,
                    0.0);
}

}  // namespace holdfast::guard
