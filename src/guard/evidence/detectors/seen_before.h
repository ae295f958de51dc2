// Seen before: the client, or at least its network, was here in quiet time (Jung et al. 2002).
//
// Evidence: -1 for the network, -2 for the client itself.
//
// Fails when: bots live in networks of honest people; a patient attacker was here for days.
#pragma once

#include "guard/evidence/detectors/detector.h"

namespace holdfast::guard {

inline double WasSeenBefore(const ClientView& view) {
  return -static_cast<double>(view.client.seen);
}

}  // namespace holdfast::guard
