// Thinks: it leaves the time to read an answer before the next request.
//
// Evidence: share of returns after a pause, at the ordinary rate against 30 %; only what speaks for
// it.
//
// Fails when: bots with slow clocks seem to think; their even pace shows in their group (Misconduct
// in group_features.h).
#pragma once

#include <algorithm>

#include "guard/evidence/detectors/detector.h"
#include "guard/evidence/detectors/likelihood.h"

namespace holdfast::guard {

inline Likelihood LikelihoodOfThinking(const Conduct& ordinary) {
  return Likelihood::Of(0.3, std::max(0.4, ordinary.thought));
}

inline double Thinks(const ClientView& view) {
  return std::clamp(view.ordinary.thought.Nats(view.client.thoughts, view.client.returns, 4), -4.0,
                    0.0);
}

}  // namespace holdfast::guard
