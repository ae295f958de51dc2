// Repeats itself: it asks again what it was answered, as those do who want load and not an answer.
//
// Evidence: share of returns with the prompt before, at the ordinary rate against 60 %; the first
// is free, since people do have an answer written anew.
//
// Fails when: bots have many prompts; an honest monitor asks one thing all day, which its history
// outweighs.
#pragma once

#include <algorithm>

#include "guard/evidence/detectors/detector.h"
#include "guard/evidence/detectors/likelihood.h"

namespace holdfast::guard {

inline Likelihood LikelihoodOfRepeating(const Conduct& ordinary) {
  return Likelihood::Of(0.6, std::clamp(ordinary.repeated, 0.03, 0.4));
}

inline double RepeatsItself(const ClientView& view) {
  const ClientFeatures& client = view.client;
  if (client.is_shared()) return 0;
  return std::max(-1.0, view.ordinary.repeated.Nats(client.repeats - 1, client.returns - 1, 4));
}

}  // namespace holdfast::guard
