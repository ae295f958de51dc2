// Low-rate swarm: many sources, each slow, together a surge whose members behave as people and
// their programs do not (FRADE 2021; Yu et al. 2012: flows of one botnet resemble each other).
//
// Evidence: excess of the client's door times the misconduct of its members, given the occasion. A
// surge of well-behaved clients is a crowd and gives evidence for honesty; so nothing is held
// against programs for not loading pages.
//
// Fails when: bots replay honest sessions; honest clients of one door share a fault (a browser
// release that does not load the page), and grow more than all others.
#pragma once

#include <algorithm>

#include "guard/evidence/detectors/detector.h"

namespace holdfast::guard {

inline double LowRateSwarm(const ClientView& view) {
  const GroupView& door = view.Group(GroupKind::kDoor);
  return std::clamp(door.excess * door.misconduct, -3.0, kEvidenceMax);
}

}  // namespace holdfast::guard
