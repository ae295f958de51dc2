#include "guard/verdict/hostility.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <unordered_map>

#include "base/check.h"
#include "base/mix.h"

namespace holdfast::guard {
namespace {

struct GroupOdds {
  double sum = 0;
  double count = 0;
};

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
  std::unordered_map<std::uint64_t, GroupOdds> by_group;
  for (const JournalClient& client : clients) {
    const auto score = by_client.find(client.id);
    if (score == by_client.end()) continue;
    GroupOdds& group = by_group[client.group];
    group.sum += score->second->log_odds;
    ++group.count;
  }
  for (const JournalClient& client : clients) {
    const auto score = by_client.find(client.id);
    const auto group = by_group.find(client.group);
    double odds = options.prior_log_odds;
    if (score != by_client.end()) {
      odds = score->second->log_odds;
    } else if (group != by_group.end()) {
      odds = group->second.sum / group->second.count;
    }
    log_odds_.push_back(odds);
    probability_.push_back(1 / (1 + std::exp(-odds)));
    ids_.push_back(client.id);
    groups_.push_back(score != by_client.end() ? score->second->group : client.group);
  }
}

std::vector<std::uint8_t> Hostility::Draw(int draw, int draws, std::uint64_t seed) const {
  CHECK(draw >= 0 && draw < draws);
  constexpr double kLogisticVariance = std::numbers::pi * std::numbers::pi / 3;
  const double deviation = options_.group_deviation;
  const double stretch = std::sqrt(1 + deviation * deviation / kLogisticVariance);
  std::unordered_map<std::uint64_t, double> shifts;
  std::vector<std::uint8_t> is_hostile(log_odds_.size());
  for (std::size_t i = 0; i < log_odds_.size(); ++i) {
    const auto [shift, is_new] = shifts.try_emplace(groups_[i], 0.0);
    if (is_new) {
      const std::uint64_t name = Mix64(seed, groups_[i]);
      const auto turned =
          (static_cast<std::uint64_t>(draw) + name) % static_cast<std::uint64_t>(draws);
      const double within = Uniform(Mix64(name, static_cast<std::uint64_t>(draw)));
      shift->second = deviation * NormalQuantile((static_cast<double>(turned) + within) / draws);
    }
    const double own = Uniform(Mix64(Mix64(seed + 1, ids_[i]), static_cast<std::uint64_t>(draw)));
    const double odds = stretch * log_odds_[i] + shift->second + std::log(own / (1 - own));
    is_hostile[i] = odds > 0 ? 1 : 0;
  }
  return is_hostile;
}

}  // namespace holdfast::guard
