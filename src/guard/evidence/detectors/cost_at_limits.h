// Cost at the limits: every request asks for close to the most that one may cost (OWASP LLM10).
//
// Evidence: share of such requests, at the rate ordinary on this surface against 90 %.
//
// Fails when: a customer's work is long documents, which its history outweighs.
#pragma once

#include "guard/evidence/detectors/detector.h"
#include "guard/evidence/detectors/likelihood.h"

namespace holdfast::guard {

inline Likelihood LikelihoodOfCost(const Conduct& ordinary) {
  return Likelihood::Of(0.9, std::min(0.5, ordinary.costly));
}

inline double CostAtLimits(const ClientView& view) {
  return std::max(0.0, view.ordinary.costly.Nats(view.client.costly, view.client.generations, 3));
}

}  // namespace holdfast::guard
