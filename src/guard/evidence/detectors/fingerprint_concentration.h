// Fingerprint concentration: more clients of one make than usual, that misbehave.
//
// Evidence: excess of newcomers with these headers and TLS hello, times their misconduct. A crowd
// from one kind of phone behaves as people do and gives evidence for honesty.
//
// Fails when: every bot wears another fingerprint, or loads pages and thinks in a popular browser's
// one.
#pragma once

#include <algorithm>

#include "guard/evidence/detectors/detector.h"

namespace holdfast::guard {

inline double FingerprintConcentration(const ClientView& view) {
  const GroupView& group = view.Group(GroupKind::kFingerprint);
  return std::clamp(group.excess * group.misconduct, -3.0, kEvidenceMax);
}

}  // namespace holdfast::guard
