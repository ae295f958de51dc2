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
  std::array<float, kDetectorCount> llr = score.llr;
  Strongest strongest;
  for (RestrictionEvidence& evidence : strongest) {
    const auto most = std::ranges::max_element(llr);
    if (*most <= 0) break;
    const auto detector = static_cast<std::size_t>(most - llr.begin());
    evidence = {.detector = DetectorWord(static_cast<Detector>(detector)),
                .value = score.evidence[detector],
                .llr = *most};
    *most = 0;
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
