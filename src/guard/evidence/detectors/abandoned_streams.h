// Abandoned streams: answers asked for, begun, and left, so that the work is wasted.
//
// Evidence: share of begun answers it left in the middle, at the ordinary rate against 90 %.
// Leaving while waiting for the first token is what people do when it is slow, and is not counted.
//
// Fails when: the page has a stop button that people like.
#pragma once

#include "guard/evidence/detectors/detector.h"
#include "guard/evidence/detectors/likelihood.h"

namespace holdfast::guard {

inline Likelihood LikelihoodOfCuttingShort(const Conduct& ordinary) {
  return Likelihood::Of(0.9, std::min(0.5, ordinary.cut_short));
}

inline double AbandonedStreams(const ClientView& view) {
  return std::max(0.0,
                  view.ordinary.cut_short.Nats(view.client.cut_short, view.client.streamed, 4));
}

}  // namespace holdfast::guard
