#include "guard/evidence/proposals.h"

#include <array>
#include <utility>

namespace holdfast::guard {
namespace {

Scope ScopeOf(const Caller& caller) {
  if (caller.account != 0) return {ScopeKind::kAccount, caller.account};
  if (caller.key != 0) return {ScopeKind::kKey, caller.key};
  return {ScopeKind::kAddress, caller.address};
}

using Strongest = std::array<RestrictionEvidence, 3>;

Strongest StrongestOf(const ClusterScore& score) {
  Strongest strongest;
  for (std::size_t i = 0; i < score.llr.size(); ++i) {
    if (score.llr[i] <= strongest.back().llr) continue;
    RestrictionEvidence next{.detector = DetectorWord(static_cast<Detector>(i)),
                             .value = score.evidence[i],
                             .llr = score.llr[i]};
    for (RestrictionEvidence& place : strongest) {
      if (next.llr > place.llr) std::swap(next, place);
    }
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
