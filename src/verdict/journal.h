// Journal: the traffic of the last minutes as plain facts, in bounded memory. One record is one
// attempt with its ending; no prompt, no address, nothing a person typed. Owned by whoever runs the
// guard; single-threaded.
//
// When it is full it keeps a sample, never a stop: records fall into strata (fingerprint, route,
// standing), and the strata with the most records are halved first, so that a flood thins itself
// and the few stay whole. A stratum is sampled by client, so that the streams and retry chains of a
// kept client stay complete; where one client is most of a stratum, by that client's requests. A
// record kept with probability p has weight 1/p, so that weighted sums estimate the totals without
// bias (adaptive sampling, Flajolet 1990, in each stratum); Requests() and Tokens() say how well.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "verdict/words.h"

namespace holdfast::verdict {

struct JournalRecord {
  Time arrival{};
  std::uint64_t client = 0;   // Caller::client().
  std::uint64_t group = 0;    // Clients that look alike: their fingerprint.
  std::uint64_t request = 0;  // Of client and payload: attempts of one logical request share it.
  Duration held{0};           // From arrival to the end.
  Duration first_token{0};    // From arrival; 0: there was none.
  Duration token_interval{0};
  Duration patience{0};     // As the caller said; 0: not said.
  Duration retry_after{0};  // As told with a refusal; 0: not told.
  std::uint32_t prompt_tokens = 0;
  std::uint32_t output_tokens = 0;  // What was written; of an open record a prediction.
  std::uint32_t tokens_max = 0;
  float weight = 1;   // Requests that this one stands for,
  float clients = 1;  // in so many clients, each with weight / clients of them.
  Route route = Route::kChat;
  Standing standing = Standing::kAnonymous;
  Ending ending = Ending::kServed;
  Refusal refusal = Refusal::kNone;
  std::uint8_t attempt = 0;
  bool is_batch = false;
  bool is_regular = false;  // Goes first while far too much is asked (guard/overload/regulars.h).
  bool is_open = false;     // Has not ended yet: `held` so far, as if it were served.

  bool operator==(const JournalRecord&) const = default;
};

// Lost, as an attempt: refused, broken, left before the first token, or outside the service level.
// Who leaves an answer that came in time has lost nothing.
bool WasLost(const JournalRecord& record, const ServiceLevel& level);

JournalRecord MakeRecord(const RequestFacts& facts, const OutcomeFacts& outcome,
                         Duration retry_after);

struct JournalOptions {
  std::size_t records_max = 1 << 17;  // At least 64; about 130 bytes each.
  // Older records are dropped, and the time they were of is a gap from then on: who judges an
  // incident that began before must not take its end for the whole.
  Duration horizon = std::chrono::minutes(20);
};

// A stretch of time in which the journal saw nothing, or not all.
struct JournalGap {
  Time from{};
  Time to{};
};

class Journal {
 public:
  Journal(const JournalOptions& options, std::uint64_t seed);

  // Of an attempt that was let in, so that Records() knows it before its end; what is never begun
  // is journaled all the same. Beyond kOpenMax under way, those that come are known at their end.
  void Begin(const RequestFacts& facts);
  // Of one that was begun: when its first token came.
  void OnFirstToken(const RequestFacts& facts, Time now);
  // At the end of every attempt, in order of ends. `retry_after`: as told, 0: not told.
  void Add(const RequestFacts& facts, const OutcomeFacts& outcome, Duration retry_after = {});
  // E.g. around a restart. One that begins where the last ended makes it longer. At most 64 are
  // kept; then the two that are closest become one.
  void MarkGap(Time from, Time to);

  // What arrived in [from, to), by time of arrival. With `now`, what is still under way then, too.
  std::vector<JournalRecord> Records(Time from, Time to, Time now = Time::min()) const;
  // What was marked, and what was dropped, within [from, to); by time, none overlaps another.
  std::vector<JournalGap> Gaps(Time from, Time to) const;

  struct Estimate {
    double value = 0;
    double deviation = 0;  // Standard error by the sampling alone; 0: everything was kept.
  };
  Estimate Requests(Time from, Time to) const;
  Estimate Tokens(Time from, Time to) const;  // Prompt and output.

  std::size_t size() const { return entries_.size(); }
  std::size_t state_bytes() const;

 private:
  static constexpr std::size_t kOpenMax = 1 << 15;
  static constexpr std::size_t kStrata = 4096;
  // Chances of being kept, as powers of 1/2: of a client, and of a request of a kept client.
  struct Chance {
    std::uint8_t client = 0;
    std::uint8_t request = 0;
  };
  struct Entry {
    JournalRecord record;
    std::uint32_t client_draw = 0;  // Kept while below 2^32 times its chance.
    std::uint32_t request_draw = 0;
    std::uint16_t stratum = 0;
    Chance chance;
  };
  struct Load;
  // The draw of a chain's first attempt, for its retries.
  struct Chain {
    std::uint64_t request = 0;
    std::uint32_t draw = 0;
  };
  static constexpr std::size_t kChains = 1 << 14;

  static bool IsKept(const Entry& entry, Chance chance);
  static void SetChance(Entry& entry, Chance chance);
  Entry MakeEntry(const JournalRecord& record);
  std::uint32_t RequestDraw(const JournalRecord& record);
  void Expire(Time now);
  void Thin();
  bool HalveLargest();
  std::vector<Load> Loads() const;
  void Relax();
  Estimate Total(Time from, Time to, double (*measure)(const JournalRecord&)) const;

  JournalOptions options_;
  std::uint64_t seed_;
  std::vector<Entry> entries_;                     // In order of ends.
  std::vector<Chance> chances_;                    // By stratum.
  std::unordered_map<std::uint64_t, Entry> open_;  // By client, payload, arrival and attempt.
  std::vector<JournalGap> gaps_;
  Time dropped_to_{};          // Of what arrived before, some was dropped.
  std::vector<Chain> chains_;  // By request, direct-mapped: a retry that finds its place taken is
                               // drawn on its own.
  Time relaxed_{};
};

}  // namespace holdfast::verdict
