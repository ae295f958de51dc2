// ClusterTable: what clients do, and what the groups of clients that look alike do, in bounded
// memory. Owned by whoever runs the guard, or by a replay of it; single-threaded. It decides
// nothing: Scorer turns it into log odds.
//
// A client is a Caller::client(). Its record is kept while there is room. When the table is full,
// idle clients are forgotten first; if none is idle, the table keeps only the clients whose seeded
// hash lies below a threshold that halves (and doubles again later): a uniform sample of clients,
// whoever they are, so that a group's counts times weight() stay unbiased. A client outside the
// sample is judged by its groups (Scorer::ScoreRequest). Groups live in a table of small sets; in a
// full set the group with the fewest clients makes room, so that many strange fingerprints cannot
// push out a common one. Nothing here ever stops counting.
//
// Time moves in epochs; a group's counts halve with each, so that a surge shows within seconds and
// is gone a minute after. Groups' usual sizes and the ordinary conduct are learned in quiet time:
// while the number of clients is below twice the usual, and while SetLearning(true).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "guard/clock.h"
#include "guard/evidence/baseline.h"
#include "guard/evidence/connection_facts.h"
#include "guard/evidence/features.h"
#include "guard/evidence/group_table.h"
#include "guard/evidence/page_visits.h"
#include "guard/evidence/seen_set.h"
#include "guard/facts.h"
#include "guard/refusal.h"

namespace holdfast::guard {

struct ClusterTableOptions {
  std::size_t clients_max = 1 << 17;
  std::size_t groups_max = 1 << 15;  // Of fingerprints, prefixes and payloads together.
  std::size_t seen_max = 1 << 20;    // Clients and prefixes remembered as seen before.
  std::size_t visits_max = 1 << 16;  // Addresses whose last page is remembered.
  Duration epoch = std::chrono::seconds(10);
  Duration idle_min = std::chrono::minutes(10);   // Idle for so long, a client may be forgotten.
  Duration seen_after = std::chrono::minutes(5);  // Known for so long, it has been seen before.
  Duration dwell_min = std::chrono::milliseconds(1500);
  std::uint32_t costly_prompt_tokens = 8192;  // Close to the most that a request may cost.
  std::uint32_t costly_output_tokens = 4096;
};

// What was decided about a request when it came.
struct DecisionFacts {
  Refusal refusal = Refusal::kNone;
  Duration retry_after{0};  // As told; 0: not told.
};

class ClusterTable {
 public:
  explicit ClusterTable(const ClusterTableOptions& options, std::uint64_t seed = 0);

  // Events in order of time. Every request is told once, with its decision; every request that was
  // let in has one outcome. An outcome that repeats the refusal at arrival is ignored.
  void OnRequest(const RequestFacts& facts, const DecisionFacts& decision, Time now);
  void OnOutcome(const OutcomeFacts& outcome);
  void OnConnection(const ConnectionFacts& facts);

  // No learning while an incident is open.
  void SetLearning(bool is_learning) { may_learn_ = is_learning; }
  void SetBaseline(const Baseline& baseline);
  Baseline ExportBaseline() const;
  // An account or network known from before the table's time.
  void Remember(const Caller& caller);

  std::span<const ClientFeatures> clients() const { return clients_; }  // In a stable order.
  const ClientFeatures* Find(std::uint64_t client) const;               // Null: not in the sample.
  // A record as the client of this request would have it, whether or not it is in the table.
  ClientFeatures Preview(const RequestFacts& facts, Time now) const;
  // The group of a client, or an empty one.
  GroupFeatures Group(GroupKind kind, const ClientFeatures& client) const;
  std::uint64_t GroupName(GroupKind kind, const ClientFeatures& client) const;

  const Baseline& baseline() const { return baseline_; }
  double weight() const { return 1.0 / sample_share_; }  // Clients for which a kept one stands.
  // Growth of the clients that one can trust (seen before, or people who came by a page), >= 1.
  double trusted_growth() const { return trusted_growth_; }
  bool is_learning() const { return is_learning_; }
  std::size_t state_bytes() const;

 private:
  ClientFeatures* Touch(const Caller& caller, Standing standing, Time now);
  ClientFeatures& Insert(const Caller& caller, Standing standing, Time now);
  void Enter(ClientFeatures& client, const RequestFacts& facts) const;
  void NoteArrival(ClientFeatures& client, const RequestFacts& facts, Time now) const;
  void NoteReturn(ClientFeatures& client, const RequestFacts& facts, Time now) const;
  void NotePrompt(ClientFeatures& client, const RequestFacts& facts) const;
  void NoteAnswer(ClientFeatures& client, const OutcomeFacts& outcome) const;
  // Adds what is new about the client to its groups.
  void Count(ClientFeatures& client);
  void AddGap(ClientFeatures& client, Duration gap);
  GroupFeatures& GroupOf(GroupKind kind, const ClientFeatures& client);
  bool IsSampled(std::uint64_t client) const;
  bool MakeRoom(Time now);
  void HalveSample();
  void Forget(std::size_t index);
  void Advance(Time now);
  void EndEpoch();
  void LearnConduct();
  std::size_t Slot(std::uint64_t client) const;
  void Unlink(std::size_t slot);

  ClusterTableOptions options_;
  std::uint64_t seed_;
  std::vector<ClientFeatures> clients_;
  std::vector<std::uint32_t> index_;  // Of clients_, open addressing; kNobody: free.
  std::array<GroupFeatures, kDoorCount> doors_;
  GroupTable groups_;
  SeenSet seen_;
  PageVisits visits_;
  Baseline baseline_;
  std::uint64_t sample_threshold_ = ~std::uint64_t{0};
  double sample_share_ = 1;
  double trusted_growth_ = 1;
  std::size_t hand_ = 0;  // Where the search for idle clients goes on.
  std::uint32_t epoch_ = 0;
  Time epoch_end_{};
  bool may_learn_ = true;
  bool is_learning_ = true;
};

}  // namespace holdfast::guard
