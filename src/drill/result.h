// SimulationResult: what came of a simulation, counted after its warm-up. Value types.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "drill/caller_kind.h"
#include "guard/facts.h"

namespace holdfast::drill {

// Times in logarithmic bins of 1/8 octave from 1 ms; a quantile is right to 5 %.
class TimeHistogram {
 public:
  void Add(guard::Duration time);
  void Merge(const TimeHistogram& other);
  std::uint64_t count() const { return count_; }
  double QuantileSeconds(double share) const;  // 0 when empty.

 private:
  static constexpr int kBinCount = 192;
  std::array<std::uint32_t, kBinCount> bins_{};
  std::uint64_t count_ = 0;
};

// Requests of one kind of caller. A wish is a logical request for an answer: its first attempt and
// all retries. It is good when some attempt was answered in full within the service level, counted
// from the first attempt.
struct KindResult {
  std::uint64_t requests = 0;  // Attempts on any route.
  std::uint64_t wishes = 0;
  std::uint64_t good = 0;
  std::uint64_t served = 0;  // Wishes answered in full, in time or not.
  // Attempts answered within the service level: what is usually called goodput. It forgives a
  // refusal that was followed by a good answer later, which `good` does not. Counted by when the
  // answer ends, as tokens are, so that a rate does not depend on how long it took.
  std::uint64_t good_answers = 0;
  std::array<std::uint64_t, guard::kEndingCount> endings{};    // Of attempts for an answer.
  std::array<std::uint64_t, guard::kRefusalCount> refusals{};  // Of attempts on any route.
  // Wishes that were refused for who the caller is held to be (its rate, its cluster, a challenge),
  // not for want of capacity.
  std::uint64_t blocked = 0;
  std::uint64_t lost = 0;  // Attempts that did not reach the host.
  std::uint64_t output_tokens = 0;
  // Output tokens that came no later than on a timeline of the service level; a request that is
  // refused late or cut keeps what its reader already had (smooth goodput, in tokens).
  std::uint64_t smooth_tokens = 0;
  std::uint64_t sign_ups = 0;        // Callers who wanted an account,
  std::uint64_t signed_up = 0;       // and got one.
  std::uint64_t log_ins = 0;         // Log-ins with the right password,
  std::uint64_t log_ins_failed = 0;  // and those of them that were refused or came too late.
  TimeHistogram first_token;
  TimeHistogram sign_up_time;

  void Merge(const KindResult& other);
};

// One second of the run.
struct SecondSample {
  std::uint32_t honest_wishes = 0;  // By their first attempt.
  std::uint32_t honest_good = 0;    // Of the wishes of this second, in the end.
  std::uint32_t honest_blocked = 0;
  std::uint32_t honest_answers = 0;  // Good answers that ended in this second.
  std::uint32_t hostile_requests = 0;
  std::uint32_t hostile_served = 0;
  std::uint32_t refused = 0;  // Of all.
  std::uint32_t engine_running = 0;
  std::uint32_t engine_waiting = 0;
  std::uint32_t door_waiting = 0;
  std::uint32_t connections = 0;
  double honest_cost = 0;       // Weighted tokens (prompt + 2 x output) of its honest wishes.
  float engine_busy = 0;        // Places in use, of those that are up.
  float engine_share = 1;       // Speed times workers up.
  float first_token_p50_s = 0;  // Of honest answers whose first token came in this second.
  float first_token_p99_s = 0;
  bool is_registration_restricted = false;
};

struct SimulationResult {
  std::array<KindResult, kCallerKindCount> kinds;
  std::vector<SecondSample> seconds;  // From the start, warm-up included.
  std::uint64_t requests = 0;         // All arrivals, warm-up included.
  std::uint64_t events = 0;
  double measured_s = 0;  // Length less warm-up.
  double engine_busy_share = 0;
  // First estimates of a wait and what they came to: of requests that waited until they were
  // started, or until the door broke its word.
  std::uint64_t waits = 0;
  std::uint64_t waits_within_20_percent = 0;           // Of the estimate; no floor.
  std::uint64_t waits_within_20_percent_or_100ms = 0;  // Which nobody notices.
  // What was possible at all (drill/possible.h), where the scenario says its capacity; else 0.
  double possible_goodput_per_s = 0;  // Answers in time after some attempt,
  double possible_wishes_per_s = 0;   // and counted from the first.
  std::uint64_t digest = 0;  // Of every request's end, in order: equal runs have equal digests.

  KindResult honest() const;
  KindResult hostile() const;
  double honest_goodput_per_s() const;  // Good answers a second.
  double honest_wishes_per_s() const;   // Good wishes a second.
  double honest_good_share() const;     // Of wishes.
};

}  // namespace holdfast::drill
