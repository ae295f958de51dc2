#include "guard/evidence/proposals.h"

#include <algorithm>
#include <array>
#include <numeric>

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
  std::array<std::uint8_t, kDetectorCount> order;
  std::iota(order.begin(), order.end(), std::uint8_t{0});
  std::ranges::partial_sort(order, order.begin() + strongest.size(), [&](auto a, auto b) {
    return score.llr[a] > score.llr[b] || (score.llr[a] == score.llr[b] && a < b);
  });
  for (std::size_t i = 0; i < strongest.size() && score.llr[order[i]] > 0; ++i) {
    strongest[i] = {.detector = DetectorWord(static_cast<Detector>(order[i])),
                    .value = score.evidence[order[i]],
                    .llr = score.llr[order[i]]};
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
