// Prefix concentration: more clients of one network than usual, that misbehave.
//
// Evidence: excess of clients of the prefix, times their misconduct. A university whose students
// all come at once behaves as people do.
//
// Fails when: bots come from residential proxies, one a network.
#pragma once

#include <algorithm>

#include "guard/evidence/detectors/detector.h"

namespace holdfast::guard {

inline double PrefixConcentration(const ClientView& view) {
  const GroupView& group = view.Group(GroupKind::kPrefix);
  return std::clamp(group.excess * group.misconduct, -3.0, kEvidenceMax);
}

}  // namespace holdfast::guard
