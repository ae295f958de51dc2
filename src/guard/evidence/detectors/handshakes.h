// Handshakes: connections that cost a key exchange, or streams opened and reset, and ask for
// nothing.
//
// Evidence: log of how many of them beyond what the client's requests explain; the first is free.
//
// Fails when: a browser opens connections ahead of need and closes them, at most a few a visit.
#pragma once

#include <algorithm>
#include <cmath>

#include "guard/evidence/detectors/detector.h"

namespace holdfast::guard {

inline double Handshakes(const ClientView& view) {
  const auto count = [&](ConnectionEvent event) {
    return view.client.connections[static_cast<std::size_t>(event)];
  };
  const double idle = count(ConnectionEvent::kHandshakeOnly) + count(ConnectionEvent::kReset);
  const double unexplained = idle - view.client.requests;
  return unexplained <= 1 ? 0 : std::min(4.0, 1.5 * std::log(unexplained));
}

}  // namespace holdfast::guard
