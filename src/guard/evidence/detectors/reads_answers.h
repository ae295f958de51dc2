// Reads answers: it takes its answers to the end; or, measured by its occasions, does not.
//
// Evidence: share of answers read, at the ordinary rate against 50 %, at least -1.5.
//
// Fails when: bots take every byte, which costs them the time and the bandwidth.
#pragma once

#include <algorithm>

#include "guard/evidence/detectors/detector.h"
#include "guard/evidence/detectors/likelihood.h"

namespace holdfast::guard {

inline Likelihood LikelihoodOfReading(const Conduct& ordinary) {
  return Likelihood::Of(0.5, std::max(0.6, ordinary.read));
}

inline double ReadsAnswers(const ClientView& view) {
  // To read is cheap, so it speaks for a client no more than a page does.
  return std::max(-1.5, view.ordinary.read.Nats(view.client.read, view.client.served, 4));
}

}  // namespace holdfast::guard
