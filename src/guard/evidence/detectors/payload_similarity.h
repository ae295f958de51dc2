// Payload similarity: near-equal prompts from many clients that misbehave.
// Evidence: excess of the clients with this payload, times their misconduct. A viral prompt, typed
// by people who load the page, read and think, gives evidence for honesty. Fails when: prompts are
// paraphrased for every request; bots send the prompt that is viral today and load pages (their
// group is told apart from people only by what they do).
#pragma once

#include <algorithm>

#include "guard/evidence/detectors/detector.h"

namespace holdfast::guard {

inline double PayloadSimilarity(const ClientView& view) {
  const GroupView& group = view.Group(GroupKind::kPayload);
  return std::clamp(group.excess * group.misconduct, -3.0, kEvidenceMax);
}

}  // namespace holdfast::guard
