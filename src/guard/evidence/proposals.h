// Proposals: what to do about the sender of a request whom the evidence holds to be hostile, as a
// restriction with its rule, its evidence and its end. Proposes; puts nothing into force. Pure.
#pragma once

#include <optional>

#include "guard/clock.h"
#include "guard/evidence/scorer.h"
#include "guard/facts.h"
#include "guard/limits/restrictions.h"

namespace holdfast::guard {

// The word of the rule by which restrictions are proposed for requests; for connections it is
// kHostileConnectionsRule.
inline constexpr std::string_view kHostileClusterRule = "hostile_cluster";

// The thresholds are odds of 9 to 1 and of 99 to 1. The term is short: who still looks hostile at
// its end is proposed again, who does not is free.
struct ProposalPolicy {
  double challenge_log_odds = 2.2;
  double refuse_log_odds = 4.6;
  Duration term = std::chrono::seconds(30);
};

// The scope is the account, the key or the address that the client is held to account by. Somebody
// with history is never refused on likeness, at most asked for a proof of work, and whoever has
// paid one is only refused beyond refuse_log_odds.
std::optional<RestrictionProposal> Propose(const ClusterScore& score, const RequestFacts& facts,
                                           const ProposalPolicy& policy = {});
// About the address of a client, by what its connections tell; nullopt: nothing that hostile.
std::optional<RestrictionProposal> ProposeForConnections(const ClusterTable& clusters,
                                                         const Caller& caller,
                                                         const ProposalPolicy& policy = {});

}  // namespace holdfast::guard
