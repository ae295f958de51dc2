// Admission: who starts now, who waits and for how long, who is told no and when to come back. One
// object stands before one engine (or one pool behind one endpoint) and is told every event; all
// decisions are arithmetic on those events.
//
//   Request ──▶ kRefuse (reason, Retry-After)
//           ──▶ kWait (place, expected wait) ──Poll──▶ started, or refused (Expired)
//           ──▶ kStart ──▶ OnFirstToken ──▶ OnFinish
//
// Admission puts together CostPredictor, ConcurrencyLimit, Pacer, FairQueue, WaitEstimator and
// Ladder; each says above its class what it does and whence it comes.
//
// A request starts at once when nobody waits and the engine has a place. Else it may wait, if the
// rung of the ladder lets its class, its client's share of the queue and the queue itself have
// room, and the upper end of its expected wait is within what it can wait: its patience, and what
// the engine leaves of first_token_max. All others are refused there and then. Those who wait are
// started one by one, by a clock that keeps the engine full.
//
// Retry-After is an appointment: refused work is put behind the refused work of its class, in a
// book of times as far apart as the class takes work on. (Of times, not of work: capacity as it is
// learned goes up and down, and work over capacity would put many at the same time.) A client has
// one appointment at a time. Whoever keeps it may wait the whole allowed time, whoever comes
// without one only kUnbooked of it while there is a book; whoever comes too early gives it up, and
// may wait half of that, on any rung but the first not at all. So retrying at once gains nothing,
// and cannot hold an overload up. A book is full that reaches to retry_after_max: whoever is told
// that much is told of no place, only when to ask again, and is then as good as a newcomer.
//
// A request for several answers (RequestFacts::choices) is one ticket; its cost, what it counts
// against its client and what it takes in flight are those of all its answers. More than could ever
// be let in are refused at once, as is what is over the client's own limit: neither is demand that
// the service fails to meet.
//
// On the rung of shorter answers and above, an answer whose caller set no limit has at most
// short_answer_tokens (Offer::tokens_max), and whoever set a higher one may not wait. They have no
// appointment, and may come at once with a lower limit; who comes again with the same one before
// the time they are told is early.
//
// Every ticket that was started or waits ends with one OnFinish by the caller (also when a caller
// leaves the queue) or one Expired from Poll; what comes late, twice or of no ticket is ignored.
// After every event, and at NextTime(), the caller polls. A time that goes back is taken for the
// latest.
//
// Single-threaded. Memory is bounded by the options and allocated at construction; O(log n) a call.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "guard/facts.h"
#include "guard/overload/engine_report.h"
#include "guard/overload/ladder.h"
#include "guard/overload/service_class.h"
#include "guard/tables/state_bytes.h"

namespace holdfast::guard {

using TicketId = std::uint64_t;  // 0 names none. Never used twice.

struct AdmissionOptions {
  ServiceLevel level;
  // Longest wait offered to interactive requests; 0: what the engine leaves of first_token_max.
  Duration wait_max{0};
  Duration batch_wait_max = std::chrono::minutes(10);
  Duration retry_after_max = std::chrono::minutes(10);

  std::size_t queue_max = 8192;           // Waiting requests in all.
  std::size_t queue_per_client_max = 64;  // Waiting answers of one client in one class.
  // Answers of one client in flight and waiting together; 0: as many as there is room for.
  std::uint32_t per_client_max = 0;
  std::size_t clients_max = 65536;  // Remembered clients; a power of two, at least 8.

  // Answers in the engine at once.
  std::uint32_t in_flight_min = 1;
  std::uint32_t in_flight_initial = 32;
  std::uint32_t in_flight_max = 4096;

  // Cost of a request in weighted tokens: weight_input * prompt + weight_output * its answers.
  double weight_input = 1.0;
  double weight_output = 2.0;
  double bytes_per_token = 4.0;                // Where the prompt is not counted yet.
  std::uint32_t output_tokens_initial = 256;   // Predicted before anything is known.
  std::uint32_t request_tokens_max = 1 << 20;  // Charged at most for one request, input and output.

  // Of an answer on the rung of shorter answers and above; 0: answers are never shortened.
  std::uint32_t short_answer_tokens = 0;
  Ladder::Rules ladder;

  // Least share of the engine that a class gets while it has requests waiting, by ServiceClass.
  std::array<double, kServiceClassCount> share = {0.0, 0.05, 0.1, 0.05, 0.02, 0.01, 0.005, 0.005};

  // What a comparison may switch off.
  bool is_fair = true;            // Else first come, first served within a class.
  bool is_deadline_aware = true;  // Else everybody waits for as long as the queue has room.
  bool is_adaptive = true;        // Else in_flight_initial is the limit.
  bool is_paced = true;           // Else whoever is next starts as soon as there is a place.
  bool has_ladder = true;
};

struct ExpectedWait {
  Duration expected{0};  // Until it starts.
  Duration low{0};       // 5 % and 95 % of real waits lie outside [low, high].
  Duration high{0};
  std::uint32_t place = 0;  // 1: next. 0: does not wait.
};

// What Admission holds of a ticket.
struct Admitted {
  TicketId id = 0;
  Time arrival{};
  Time start{};  // Time{}: waits.
  std::uint64_t client = 0;
  ServiceClass service_class = ServiceClass::kAnonymous;
  std::uint32_t prompt_tokens = 0;  // Counted or estimated.
  std::uint32_t choices = 1;
  std::uint32_t predicted_output = 0;  // Of each answer.
  std::uint32_t tokens_max = 0;        // What each answer is shortened to; 0: it is not.
  double predicted_cost = 0;
};

struct AdmissionCounters {
  std::uint32_t in_flight = 0;           // Answers.
  std::uint32_t before_first_token = 0;  // Of those in flight.
  std::uint32_t waiting = 0;
  double in_flight_limit = 0;
  double prompt_window = 0;    // Limit on before_first_token.
  double capacity = 0;         // Weighted tokens that the engine takes on a second.
  double pressure = 0;         // Demand (first attempts) over capacity.
  double crowding = 0;         // All attempts over capacity.
  double output_error = 0;     // Mean |answer - predicted| over mean answer, recent.
  double output_bias = 1;      // Mean answer over mean predicted, recent.
  Duration engine_delay{0};    // Recent wait inside the engine before a first token.
  Duration token_interval{0};  // Recent; 0 before the first.
  std::uint64_t started = 0;   // Since construction, as the following.
  std::uint64_t refused = 0;
  std::uint64_t expired = 0;
  std::uint64_t waited = 0;               // Waits that ended in a start.
  std::uint64_t wait_estimates_good = 0;  // Of those, within 20 % of the first estimate.
};

class Admission {
 public:
  struct Offer {
    enum What : std::uint8_t { kStart, kWait, kRefuse };
    What what = kRefuse;
    TicketId id = 0;  // 0 with kRefuse.
    Refusal refusal = Refusal::kNone;
    Duration retry_after{0};
    ExpectedWait wait{};  // With kWait: the first estimate.
    // What each answer is shortened to, or, with kRefuse, could be asked for; 0: it is not.
    std::uint32_t tokens_max = 0;
  };
  struct Expired {
    TicketId id = 0;  // No longer valid.
    Refusal refusal = Refusal::kNone;
    Duration retry_after{0};
  };

  explicit Admission(const AdmissionOptions& options);
  ~Admission();
  Admission(Admission&&) noexcept;
  Admission& operator=(Admission&&) noexcept;

  // Decides at once. Only requests for an answer (IsGeneration) come here.
  Offer Request(const RequestFacts& facts, Time now);

  // Appends to `started` what may start now and to `expired` what can no longer be served in time.
  void Poll(Time now, std::vector<TicketId>& started, std::vector<Expired>& expired);
  // When Poll could have something to do without any other event; Time::max(): never.
  Time NextTime() const;

  // False: ignored, since there is no such ticket, or it waits, or has had its first token.
  bool OnFirstToken(TicketId id, Time now);
  // Frees the ticket, whatever became of it; a waiting one leaves the queue. False: ignored, since
  // there is no such ticket (any more).
  bool OnFinish(TicketId id, std::uint32_t output_tokens, Ending ending, Time now);
  void OnEngineReport(const EngineReport& report, Time now);

  // What was learned of the engine and of answers; what waits or is under way is not in it, nor the
  // rate at which work is taken on, which shows within seconds. Read before the first event.
  void Save(StateWriter& writer) const;
  void Load(StateReader& reader);

  // As things are at `now`; place 0: no such ticket, or it does not wait.
  ExpectedWait Wait(TicketId id, Time now) const;
  Admitted Find(TicketId id) const;  // Its id is 0: there is no such ticket.
  // The lower 32 bits of valid tickets are different, and below this.
  std::size_t tickets_max() const;
  Rung rung() const;
  Time rung_since() const;  // Time{}: from the beginning.
  AdmissionCounters counters() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::guard
