// Slow connections: heads, bodies or reads drawn out until they were cut off (slowhttptest's
// modes).
//
// Evidence: log of how many; the first one is free.
//
// Fails when: a phone in a tunnel stalls twice; the attacker holds each connection once per address
// (then its group shows it, see low_rate_swarm.h).
#pragma once

#include <algorithm>
#include <cmath>

#include "guard/evidence/detectors/detector.h"

namespace holdfast::guard {

inline double SlowConnections(const ClientView& view) {
  const auto count = [&](ConnectionEvent event) {
    return view.client.connections[static_cast<std::size_t>(event)];
  };
  const int slow = count(ConnectionEvent::kSlowHead) + count(ConnectionEvent::kSlowBody) +
                   count(ConnectionEvent::kSlowRead);
  return slow <= 1 ? 0 : std::min(4.0, 2 * std::log(slow));
}

}  // namespace holdfast::guard
