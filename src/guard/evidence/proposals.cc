#include "guard/evidence/proposals.h"

#include <algorithm>
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

std::optional<RestrictionProposal> ProposeForConnections(const ClusterTable& clusters,
                                                         const Caller& caller,
                                                         const ProposalPolicy& policy) {
  const ClientFeatures* const client = clusters.Find(caller.address);
  if (client == nullptr) return std::nullopt;
  const Evidence evidence = Scorer::Observe(clusters, *client);
  const double log_odds = LogOdds(evidence, kCalibration);
  if (log_odds < policy.refuse_log_odds) return std::nullopt;
  const auto strongest = std::ranges::max_element(evidence);
  const auto detector = static_cast<Detector>(strongest - evidence.begin());
  return RestrictionProposal{
      .scope = {ScopeKind::kAddress, caller.address},
      .action = RestrictionAction::kPushDown,
      .rule = kHostileConnectionsRule,
      .evidence = {{{.detector = DetectorWord(detector), .value = *strongest, .llr = log_odds}}},
      .term = policy.term};
}

}  // namespace holdfast::guard
