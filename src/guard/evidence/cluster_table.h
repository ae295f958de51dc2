// ClusterTable: what clients do, and what the groups of clients that look alike do, in bounded
// memory. Owned by whoever runs the guard, or by a replay of it; single-threaded. It decides
// nothing: Scorer turns it into log odds.
//
// A client is a Caller::client(). Its record is kept while there is room. When the table is full,
// idle clients are forgotten first; if none is idle, the table keeps only the clients whose seeded
// hash lies below a threshold that halves (and doubles again later): a uniform sample of clients,
// whoever they are, so that a group's counts times weight() stay unbiased. A client outside the
// sample is judged by its groups (Scorer::Suspect). Groups live in a table of small sets; in a
// full set the group with the fewest clients makes room, so that many strange fingerprints cannot
// push out a common one. Nothing here ever stops counting.
//
// Time moves in epochs; a group's counts halve with each, so that a surge shows within seconds and
// is gone a minute after. Groups' usual sizes and the ordinary conduct are learned in quiet time:
// while the number of clients is below twice the usual of the last minutes, below four times that
// of the last day (or who grows slowly enough is never a surge), and while SetLearning(true).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "guard/clock.h"
#include "guard/evidence/baseline.h"
#include "guard/evidence/client_conduct.h"
#include "guard/evidence/client_store.h"
#include "guard/evidence/connection_facts.h"
#include "guard/evidence/detectors.h"
#include "guard/evidence/features.h"
#include "guard/evidence/group_features.h"
#include "guard/evidence/group_table.h"
#include "guard/evidence/page_visits.h"
#include "guard/evidence/seen_set.h"
#include "guard/facts.h"
#include "guard/tables/state_bytes.h"

namespace holdfast::guard {

struct ClusterTableOptions {
  std::size_t clients_max = 1 << 16;
  std::size_t groups_max = 1 << 15;   // Of fingerprints, prefixes and payloads together.
  std::size_t seen_max = 1 << 19;     // Clients and prefixes remembered as seen before.
  std::size_t visits_max = 1 << 17;   // Addresses whose last page is remembered.
  std::size_t prompts_max = 1 << 19;  // Who sent which prompt.
  Duration epoch = std::chrono::seconds(10);
  Duration idle_min = std::chrono::minutes(10);  // Idle for so long, a client may be forgotten.
  // Known for so long, and having read an answer in full, it has been seen before.
  Duration seen_after = std::chrono::minutes(5);
  ConductLimits conduct{};
};

class ClusterTable {
 public:
  explicit ClusterTable(const ClusterTableOptions& options, std::uint64_t seed = 0);

  // Events in order of time. Every request is told once, with its decision; every request that was
  // let in has one outcome. An outcome that repeats a refusal at arrival is ignored.
  void OnRequest(const RequestFacts& facts, const DecisionFacts& decision, Time now) {
    OnDecision(OnArrival(facts, now), facts, decision, now);
  }
  // The same in two steps, for who judges the sender between them (Scorer::Suspect). An arrival is
  // good until the table is told something else.
  struct Arrival {
    ClientFeatures* client = nullptr;  // Null: outside of the sample.
    std::optional<Duration> gap;       // Since its last request that was not for a page.
  };
  Arrival OnArrival(const RequestFacts& facts, Time now);
  void OnDecision(const Arrival& arrival, const RequestFacts& facts, const DecisionFacts& decision,
                  Time now);
  void OnOutcome(const OutcomeFacts& outcome);
  void OnConnection(const ConnectionFacts& facts);
  // Nothing of what happened in [from, to) was told; one that begins where the last ended makes it
  // longer. Told at its end. Who is first seen in the minutes after it may have loaded the page in
  // it, and is not held to have come without one.
  void MarkGap(Time from, Time to);

  // No learning while an incident is open.
  void SetLearning(bool is_allowed) { may_learn_ = is_allowed; }
  // What was learned: the baseline, what is usual of each group, and who was seen. Read into a new
  // table of the same options; clients, visits and prompts begin anew.
  void Save(StateWriter& writer, const StatePart& part) const;
  void Load(StateReader& reader, const StatePart& part);
  // An account or network known from before the table's time.
  void Remember(const Caller& caller);

  std::span<const ClientFeatures> clients() const { return clients_.clients(); }
  const ClientFeatures* Find(std::uint64_t client) const { return clients_.Find(client); }
  // The record that the sender of this request would have if it were not outside of the sample.
  ClientFeatures Preview(const RequestFacts& facts, Time now) const;
  // The group of a client; null when there is none.
  const GroupFeatures* Group(GroupKind kind, const ClientFeatures& client) const;
  // 0: none.
  static std::uint64_t GroupName(GroupKind kind, const ClientFeatures& client);

  const Baseline& baseline() const { return baseline_; }
  const Ordinary& ordinary(Surface surface) const {
    return ordinary_[static_cast<std::size_t>(surface)];
  }
  double usual() const;                                   // Clients in quiet time.
  double known() const;                                   // How well the baseline is known, 0..1.
  double weight() const { return 1 / clients_.share(); }  // Clients for which a kept one stands.
  // Growth of the clients that one can trust (with history, or people who came by a page), >= 1.
  double trusted_growth() const { return trusted_growth_; }
  bool is_learning() const { return is_learning_; }
  Duration tick() const { return options_.epoch / kTicksPerEpoch; }  // Groups are assessed once in.
  std::uint32_t tick_count() const { return tick_; }
  std::size_t state_bytes() const;

 private:
  static constexpr int kTicksPerEpoch = 10;

  ClientFeatures* Take(const Caller& caller, Standing standing, Time now);
  void Introduce(ClientFeatures& client, const Caller& caller, Standing standing) const;
  // The page by which the client enters, if it does now: its address had loaded it, or may have.
  std::optional<Time> PageBefore(const ClientFeatures& client, const RequestFacts& facts,
                                 Time now) const;
  void NotePrompt(ClientFeatures& client, std::uint64_t payload);
  void BecomeKnown(ClientFeatures& client);
  // Adds what is new about the client to its groups.
  void Count(ClientFeatures& client, const GapSums& gaps, Time now);
  void AddTo(GroupKind kind, const ClientFeatures& client, std::uint32_t fresh, const GapSums& gaps,
             Time now);
  void Assess(GroupFeatures& group, const ClientFeatures& member, Time now) const;
  Surge NextSurge(const Surge& last, Time now) const;
  void Advance(Time now);
  void EndTick();
  void EndEpoch();
  void SaveBaseline(StateWriter& writer) const;
  void LoadBaseline(StateReader& reader);
  void LearnConduct();
  bool IsQuiet(double clients, double usual) const;
  void ApplyConduct();
  double LearningRate() const;
  template <typename Change>
  void ChangeGroups(Change change);

  ClusterTableOptions options_;
  ClientStore clients_;
  std::array<GroupFeatures, kDoorCount> doors_;
  GroupTable groups_;
  SeenSet seen_;
  PageVisits visits_;
  Time gap_from_{};  // The last one that was marked; both 0: none.
  Time gap_to_{};
  SeenSet prompts_;  // Names of prompts, and of pairs of prompt and client.
  Baseline baseline_;
  std::array<Ordinary, kSurfaceCount> ordinary_;  // Of baseline_.
  double trusted_growth_ = 1;
  std::uint32_t tick_ = 0;
  std::uint32_t epoch_ = 0;
  Time tick_end_{};
  bool may_learn_ = true;
  bool is_learning_ = false;
};

}  // namespace holdfast::guard
