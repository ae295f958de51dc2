// Payload similarity: near-equal prompts from many clients that misbehave, or a client whose
// prompts are one after the other those of others: a crowd shares one prompt, bots share a list.
//
// Evidence: excess of the clients with this prompt, times their misconduct; and the share of its
// prompts after the first that others had sent before, at the ordinary rate against 80 %. A viral
// prompt from people who load the page, read and think gives evidence for honesty.
//
// Fails when: prompts are paraphrased for every request; the page suggests prompts (until that is
// learned to be ordinary).
#pragma once

#include <algorithm>

#include "guard/evidence/detectors/detector.h"
#include "guard/evidence/detectors/likelihood.h"

namespace holdfast::guard {

inline Likelihood LikelihoodOfEchoing(const Conduct& ordinary) {
  return Likelihood::Of(0.8, std::min(0.5, ordinary.echoed));
}

inline double PayloadSimilarity(const ClientView& view) {
  const GroupView& group = view.Group(GroupKind::kPayload);
  const double echoes =
      view.ordinary.echoed.Nats(view.client.shared_prompts - 1, view.client.prompts - 1, 4);
  return std::clamp(group.excess * group.misconduct, -3.0, kEvidenceMax) + std::max(-1.0, echoes);
}

}  // namespace holdfast::guard
