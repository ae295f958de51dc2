#include "verdict/hostility.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <unordered_map>

#include "base/check.h"
#include "base/mix.h"

namespace holdfast::verdict {
namespace {

constexpr double kLogisticVariance = std::numbers::pi * std::numbers::pi / 3;
// Of a normal shift that all clients have in common: whether there is an attack at all is one
// question, not one a client.
constexpr double kCommonDeviation = 2;
// Of the logistic part that is a client's own. Small: were each client's lot drawn by itself, a few
// hundredths of a large attack would pass for honest people in every draw, and what it lost would
// drown what people lost.
constexpr double kOwnScale = 0.2;

struct GroupOdds {
  double sum = 0;
  double hostile = 0;  // Sum of probabilities.
  double count = 0;
};

double Logistic(double odds) { return 1 / (1 + std::exp(-odds)); }

// What the others of a client's group say of it, in nats: nothing in a small or a divided group.
// Evidence about a client that sent one request is thin; that hundreds like it came with it and
// are hostile is the better part of what is known. Half of the group's log odds, since its members'
// evidence is in part the same.
double GroupEvidence(const GroupOdds& group, double own) {
  constexpr double kGroupMin = 20, kWeight = 0.5, kMax = 4;
  if (group.count < kGroupMin) return 0;
  const double share = (group.hostile - Logistic(own) + 0.5) / group.count;
  return std::clamp(kWeight * std::log(share / (1 - share)), 0.0, kMax);
}

double Uniform(std::uint64_t hash) { return (static_cast<double>(hash >> 11) + 0.5) * 0x1.0p-53; }

// The inverse of the normal distribution by bisection of erfc: exact enough, the same everywhere
// that erfc is, and called once a group and draw.
double NormalQuantile(double share) {
  double low = -8;
  double high = 8;
  for (int i = 0; i < 40; ++i) {
    const double middle = (low + high) / 2;
    (0.5 * std::erfc(-middle / std::numbers::sqrt2) < share ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace

Hostility::Hostility(std::span<const JournalClient> clients, std::span<const ClusterScore> scores,
                     const HostilityOptions& options)
    : options_(options) {
  std::unordered_map<std::uint64_t, const ClusterScore*> by_client;  // Looked up only.
  for (const ClusterScore& score : scores) by_client.emplace(score.client, &score);
  std::unordered_map<std::uint64_t, GroupOdds> by_group;        // As the scores have them,
  std::unordered_map<std::uint64_t, GroupOdds> by_fingerprint;  // and the journal.
  for (const JournalClient& client : clients) {
    const auto score = by_client.find(client.id);
    if (score == by_client.end()) continue;
    for (GroupOdds* group : {&by_group[score->second->group], &by_fingerprint[client.group]}) {
      group->sum += score->second->log_odds;
      group->hostile += Logistic(score->second->log_odds);
      ++group->count;
    }
  }
  for (const JournalClient& client : clients) {
    const auto score = by_client.find(client.id);
    const auto group = by_fingerprint.find(client.group);
    double odds = options.prior_log_odds;
    if (score != by_client.end()) {
      odds = score->second->log_odds;
      odds += GroupEvidence(by_group.at(score->second->group), odds);
    } else if (group != by_fingerprint.end()) {
      odds = group->second.sum / group->second.count;
    }
    log_odds_.push_back(odds);
    probability_.push_back(Logistic(odds));
    ids_.push_back(client.id);
    groups_.push_back(score != by_client.end() ? score->second->group : client.group);
  }
}

double Hostility::Shift(std::uint64_t name, int draw, int draws) {
  const auto turned = (static_cast<std::uint64_t>(draw) + name) % static_cast<std::uint64_t>(draws);
  const double within = Uniform(Mix64(name, static_cast<std::uint64_t>(draw)));
  return NormalQuantile((static_cast<double>(turned) + within) / draws);
}

std::vector<std::uint8_t> Hostility::Draw(int draw, int draws, std::uint64_t seed) const {
  CHECK(draw >= 0 && draw < draws);
  const double common = kCommonDeviation * Shift(Mix64(seed, 0), draw, draws);
  const double stretch =
      std::sqrt(kOwnScale * kOwnScale + (kCommonDeviation * kCommonDeviation +
                                         options_.group_deviation * options_.group_deviation) /
                                            kLogisticVariance);
  std::unordered_map<std::uint64_t, double> shifts;
  std::vector<std::uint8_t> is_hostile(log_odds_.size());
  for (std::size_t i = 0; i < log_odds_.size(); ++i) {
    const auto [shift, is_new] = shifts.try_emplace(groups_[i], 0.0);
    if (is_new) {
      shift->second =
          common + options_.group_deviation * Shift(Mix64(seed, groups_[i]), draw, draws);
    }
    const double own = Uniform(Mix64(Mix64(seed + 1, ids_[i]), static_cast<std::uint64_t>(draw)));
    const double odds =
        stretch * log_odds_[i] + shift->second + kOwnScale * std::log(own / (1 - own));
    is_hostile[i] = odds > 0 ? 1 : 0;
  }
  return is_hostile;
}

}  // namespace holdfast::verdict
