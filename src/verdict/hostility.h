// Hostility: the odds that each client of the journal is hostile, and draws of who is. Clients move
// together, those of a group most: what a score has wrong about one, it likely has wrong about its
// like.
// Immutable; thread-compatible.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "verdict/logical_requests.h"
#include "verdict/words.h"

namespace holdfast::verdict {

struct HostilityOptions {
  // Of a normal shift on log odds that a group has in common. The odds themselves are stretched so
  // that a client is hostile as often as its score says.
  double group_deviation = 2;
  double prior_log_odds = -4;  // Where nothing is known of a client or its group.
};

class Hostility {
 public:
  Hostility(std::span<const JournalClient> clients, std::span<const ClusterScore> scores,
            const HostilityOptions& options);

  double probability(std::uint32_t client) const { return probability_[client]; }
  // By client. Of `draws` draws each group has its shift evenly spread (Latin hypercube).
  std::vector<std::uint8_t> Draw(int draw, int draws, std::uint64_t seed) const;

 private:
  // Standard normal, evenly spread over the draws.
  static double Shift(std::uint64_t name, int draw, int draws);

  HostilityOptions options_;
  std::vector<double> log_odds_;  // By client, as the following.
  std::vector<double> probability_;
  std::vector<std::uint64_t> ids_;
  std::vector<std::uint64_t> groups_;
};

}  // namespace holdfast::verdict
