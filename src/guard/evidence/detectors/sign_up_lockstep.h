// Sign-ups in lock-step: accounts made by the dozen from one source, or by many sources that share
// a fingerprint or network, skip the page and send the form at once (Ianus 2019: synchronised and
// abnormal registration patterns).
//
// Evidence: sign-ups of one client beyond two; forms filled in faster than a person can; and, for
// one that signs up, the largest excess of its groups times their misconduct.
//
// Fails when: a class signs up from one address (a shared address is spared the first part); a
// password manager fills in the form; bots take a person's time for it.
#pragma once

#include <algorithm>
#include <cmath>

#include "guard/evidence/detectors/detector.h"

namespace holdfast::guard {

inline double SignUpLockstep(const ClientView& view) {
  const ClientFeatures& client = view.client;
  if (client.sign_ups == 0) return 0;
  double together = 0;
  for (const GroupKind kind : {GroupKind::kDoor, GroupKind::kFingerprint, GroupKind::kPrefix}) {
    const GroupView& group = view.Group(kind);
    together = std::max(together, group.excess * group.misconduct);
  }
  const double alone = client.is_shared() ? 0 : std::log(std::max(1.0, client.sign_ups / 2.0));
  const double rushed = client.rushed_forms > 0 ? 1 : 0;
  return std::min(kEvidenceMax, alone + rushed + together);
}

}  // namespace holdfast::guard
