#include "guard/evidence/proposals.h"

#include <algorithm>
#include <array>

namespace holdfast::guard {
namespace {

Scope ScopeOf(const Caller& caller) {
  if (caller.account != 0) return {ScopeKind::kAccount, caller.account};
  if (caller.key != 0) return {ScopeKind::kKey, caller.key};
  return {ScopeKind::kAddress, caller.address};
}

using Strongest = std::array<RestrictionEvidence, 3>;

Strongest StrongestOf(const ClusterScore& score) {
  std::array<Detector, kDetectorCount> detectors;
  for (int i = 0; i < kDetectorCount; ++i) {
    detectors[static_cast<std::size_t>(i)] = static_cast<Detector>(i);
  }
  const auto llr = [&](Detector detector) { return score.llr[static_cast<std::size_t>(detector)]; };
  std::ranges::stable_sort(detectors, std::ranges::greater{}, llr);
  Strongest strongest;
  for (std::size_t i = 0; i < strongest.size() && llr(detectors[i]) > 0; ++i) {
    strongest[i] = {.detector = DetectorWord(detectors[i]),
                    .value = score.evidence[static_cast<std::size_t>(detectors[i])],
                    .llr = llr(detectors[i])};
  }
  return strongest;
}

}  // namespace

std::optional<RestrictionProposal> Propose(const ClusterScore& score, const RequestFacts& facts,
                                           const ProposalPolicy& policy) {
  if (score.log_odds < policy.challenge_log_odds) return std::nullopt;
  const bool is_refused =
      facts.standing != Standing::kHistory && score.log_odds >= policy.refuse_log_odds;
  if (!is_refused && facts.paid_challenge) return std::nullopt;
  return RestrictionProposal{
      .scope = ScopeOf(facts.caller),
      .action = is_refused ? RestrictionAction::kRefuse : RestrictionAction::kChallenge,
      .rule = kHostileClusterRule,
      .evidence = StrongestOf(score),
      .term = policy.term};
}

}  // namespace holdfast::guard
