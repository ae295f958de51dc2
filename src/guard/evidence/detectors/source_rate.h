// Source rate: one source faster than people and most programs.
//
// Evidence: log of the fullest its leaky bucket was (one request a second leaks) over 10.
//
// Fails when: many people share an address (spared when it shows several fingerprints or pages); a
// customer's program runs with high concurrency, which its history outweighs. Limits per source
// (guard/limits) stop such a source whoever it is; this only says what it was.
#pragma once

#include <algorithm>
#include <cmath>

#include "guard/evidence/detectors/detector.h"

namespace holdfast::guard {

inline double SourceRate(const ClientView& view) {
  if (view.client.burst_max <= 10 || view.client.is_shared()) return 0;
  return std::min(std::log(view.client.burst_max / 10.0), 4.0);
}

}  // namespace holdfast::guard
