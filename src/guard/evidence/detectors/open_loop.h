// Open loop: its clock does not depend on the answers. It sends the next request while the last
// answer is being written, and comes again before the time it was told.
//
// Evidence: share of returns that overlap, and of Retry-After that it ignored, at the ordinary
// rates against 70 % and 90 %; only what speaks against it.
//
// Fails when: a program works with many requests at once (the ordinary rate of programs says so);
// two tabs; an address that people share (spared when it shows several fingerprints).
#pragma once

#include "guard/evidence/detectors/detector.h"
#include "guard/evidence/detectors/likelihood.h"

namespace holdfast::guard {

inline Likelihood LikelihoodOfOverlapping(const Conduct& ordinary) {
  return Likelihood::Of(0.7, std::min(0.6, ordinary.overlapped));
}

inline double OpenLoop(const ClientView& view) {
  const ClientFeatures& client = view.client;
  if (client.is_shared()) return 0;
  const double overlapping = view.ordinary.overlapped.Nats(client.overlaps, client.returns, 4);
  const double ignoring = view.ordinary.ignored.Nats(client.ignored, client.told, 4);
  return std::max(0.0, overlapping) + std::max(0.0, ignoring);
}

}  // namespace holdfast::guard
