#include "guard/evidence/scorer.h"

#include <algorithm>
#include <utility>

namespace holdfast::guard {
namespace {

// Who came earlier than this before a surge was seen, and not in an earlier wave of it, is no part
// of it: it takes a while to grow to twice what is usual.
constexpr Duration kSurgeGrowth = std::chrono::seconds(25);

// Clients in quiet time from which a group is known.
constexpr float kUsualMin = 1;

bool IsKnown(const GroupFeatures& group) { return group.usual >= kUsualMin; }

bool CameBefore(const Surge& surge, const ClientFeatures& client) {
  return client.first_seen < surge.first - kSurgeGrowth;
}

// A group with its surge, for the clients that were part of it.
GroupView ViewOfSurge(const GroupFeatures& group, const ClientFeatures& client, Duration slack) {
  const Surge& surge = group.surge;
  const bool was_there = surge.excess > 0 && client.last_seen >= surge.since - slack &&
                         client.first_seen <= surge.until + slack;
  if (!was_there) return {.is_usual = IsKnown(group)};
  if (CameBefore(surge, client)) return {};
  return {.excess = surge.excess, .misconduct = surge.misconduct};
}

GroupView ViewOfNow(const GroupFeatures& group, const ClientFeatures& client, std::uint32_t tick) {
  constexpr std::uint32_t kTicksCurrent = 3;  // A group without clients for longer has no surge.
  if (tick - group.assessed > kTicksCurrent || group.clients < kGroupClientsMin) {
    return {.is_usual = IsKnown(group)};
  }
  if (group.surge.excess > 0 && CameBefore(group.surge, client)) return {};
  return {.excess = group.excess,
          .misconduct = group.misconduct,
          .is_usual = IsKnown(group) && group.excess < kSurgeExcess};
}

template <typename See>
ClientView MakeView(const ClusterTable& table, const ClientFeatures& client, See see) {
  ClientView view{.client = client, .ordinary = table.ordinary(client.surface()), .groups = {}};
  for (int kind = 0; kind < kGroupKindCount; ++kind) {
    const GroupFeatures* group = table.Group(static_cast<GroupKind>(kind), client);
    if (group != nullptr) view.groups[static_cast<std::size_t>(kind)] = see(*group);
  }
  return view;
}

ClientView ViewForVerdict(const ClusterTable& table, const ClientFeatures& client) {
  const Duration slack = 3 * table.tick();
  return MakeView(table, client,
                  [&](const GroupFeatures& group) { return ViewOfSurge(group, client, slack); });
}

ClientView ViewAtDoor(const ClusterTable& table, const ClientFeatures& client) {
  return MakeView(table, client, [&](const GroupFeatures& group) {
    return ViewOfNow(group, client, table.tick_count());
  });
}

// The group that says most about the client; the one of its fingerprint when none says much.
GroupKind TellingGroup(const ClientView& view) {
  GroupKind telling = GroupKind::kFingerprint;
  double most = 0.5;
  for (int kind = 0; kind < kGroupKindCount; ++kind) {
    const GroupView& group = view.groups[static_cast<std::size_t>(kind)];
    const double says = std::abs(group.excess * group.misconduct);
    if (says <= most) continue;
    most = says;
    telling = static_cast<GroupKind>(kind);
  }
  return telling;
}

}  // namespace

void Scorer::Score(const ClusterTable& table, Time now, std::vector<ClusterScore>& out) const {
  for (const ClientFeatures& client : table.clients()) {
    if (now - client.last_seen > std::chrono::hours(1)) continue;
    const ClientView view = ViewForVerdict(table, client);
    const Evidence evidence = Detect(view);
    out.push_back(MakeScore(table, view, evidence, LogOdds(evidence, calibration_)));
  }
}

std::optional<ClusterScore> Scorer::Suspect(const ClusterTable& table, const ClientFeatures* sender,
                                            const RequestFacts& facts, Time now,
                                            double log_odds_min) const {
  return sender != nullptr ? SuspectClient(table, *sender, log_odds_min)
                           : SuspectClient(table, table.Preview(facts, now), log_odds_min);
}

std::optional<ClusterScore> Scorer::SuspectClient(const ClusterTable& table,
                                                  const ClientFeatures& client,
                                                  double log_odds_min) const {
  const ClientView view = ViewAtDoor(table, client);
  const Evidence evidence = Detect(view);
  const double log_odds = LogOdds(evidence, calibration_);
  if (log_odds < log_odds_min) return std::nullopt;
  return MakeScore(table, view, evidence, log_odds);
}

double Scorer::LogOddsOfSender(const ClusterTable& table, const RequestFacts& facts,
                               Time now) const {
  const auto log_odds = [&](const ClientFeatures& client) {
    return LogOdds(Detect(ViewAtDoor(table, client)), calibration_);
  };
  const ClientFeatures* client = table.Find(facts.caller.client());
  return client != nullptr ? log_odds(*client) : log_odds(table.Preview(facts, now));
}

Evidence Scorer::Observe(const ClusterTable& table, const ClientFeatures& client) {
  return Detect(ViewForVerdict(table, client));
}

double LogOdds(const Evidence& evidence, const Calibration& calibration) {
  std::array<double, kFamilyCount> families{};
  const auto add = [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
    ((families[static_cast<std::size_t>(FamilyOf(static_cast<Detector>(kIndex)))] +=
      calibration.coefficient[kIndex] * evidence[kIndex]),
     ...);
  };
  add(std::make_index_sequence<kDetectorCount>());
  double odds = calibration.prior;
  for (std::size_t i = 0; i < families.size(); ++i) {
    odds += std::clamp(families[i], -calibration.family_max[i], calibration.family_max[i]);
  }
  return odds;
}

ClusterScore Scorer::MakeScore(const ClusterTable& table, const ClientView& view,
                               const Evidence& evidence, double log_odds) const {
  ClusterScore score{.client = view.client.client,
                     .group = ClusterTable::GroupName(TellingGroup(view), view.client),
                     .log_odds = log_odds,
                     .evidence = evidence,
                     .requests = view.client.requests,
                     .cost = view.client.cost,
                     .weight = table.weight()};
  for (std::size_t i = 0; i < score.evidence.size(); ++i) {
    score.llr[i] = static_cast<float>(calibration_.coefficient[i] * score.evidence[i]);
  }
  return score;
}

}  // namespace holdfast::guard
