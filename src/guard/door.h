// Door: the whole guard as one object: who may connect, who may ask, who starts now, who waits and
// how long, who is told no, why, and when to come back. What serves and what is simulated run the
// same one. Owned by whoever serves; single-threaded, so one leaf mutex will do (a decision takes
// about a microsecond). Pure: no clock, no socket; memory is bounded and taken at the start.
//
//   Connect ─▶ (TLS, head) ─▶ AdmitHead ─▶ (body) ─▶ Admit
//   Admit ─▶ kRefuse (refusal, retry_after)
//         ─▶ kWait ─Poll─▶ started, or refused (Expired)
//         ─▶ kStart ─▶ OnFirstToken ─▶ End
//
// Admit asks in this order: restrictions and rate limits; of strangers a proof of work, where it is
// so set; likeness to what is held to be hostile, while capacity is short; for a sign-up the
// registration policy; then admission for an answer, the password gate for a log-in or a sign-up. A
// page only passes the first. An account with history, and its keys, are never asked for a proof of
// work before an answer.
//
// Whatever was let in or waits ends once: by End(), also of who leaves the queue, or by Poll's
// `refused`, after which nothing more is told of it. What comes late, twice, or of an id that never
// was is ignored and counted: a gateway's events race. Times that go back are taken for the latest
// that was told. The owner polls after every event, and at NextTime().
//
// What is usual is learned only while nothing presses (overload/stress.h): neither while demand is
// near capacity or above, and for a minute after, nor while registrations are restricted. What
// callers are judged by must not be taught by those who are to be judged, also not by an attack
// that was there before the service was: quiet must have been seen for `settle` first. The price: a
// service under constant pressure never learns, and then nobody is held to be hostile for being one
// of many.
//
// Nobody is held to be hostile by likeness until the door is warm: until it has learned for
// `warm_after` of quiet time, or was restored from a state that was warm and is not older than
// kWarmStateAge. An older state is a beginning, and what it says must be learned anew for as long.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "guard/entrance/password_gate.h"
#include "guard/entrance/registration.h"
#include "guard/evidence/cluster_table.h"
#include "guard/evidence/likeness_count.h"
#include "guard/evidence/proposals.h"
#include "guard/evidence/scorer.h"
#include "guard/facts.h"
#include "guard/limits/edge_limiter.h"
#include "guard/overload/admission.h"
#include "guard/overload/regulars.h"

namespace holdfast::guard {

// Of one request, until its end. 0 names none. Never used twice.
using DoorId = std::uint64_t;

// Whether callers without an account pay with a proof of work for an answer:
enum class StrangersPay : std::uint8_t {
  kNever,
  kWhenShort,  // In the page alone, which solves it by itself: while capacity is short, and instead
               // of being refused for the rate of their address.
  kAlways,     // By the API, too.
};

struct DoorOptions {
  AdmissionOptions admission;
  EdgeLimits limits;  // In service: ServiceLimits().
  RegistrationOptions registration;
  PasswordGateOptions passwords;
  ClusterTableOptions clusters;
  ProposalPolicy likeness;
  // False: what would be done for likeness to an attack is counted, and not done.
  bool enforces_likeness = true;
  Duration settle = std::chrono::seconds(60);
  // Nobody becomes a regular, and likeness is not tried, before it has shown for so long whether
  // anything presses.
  Duration quiet_after = std::chrono::seconds(10);
  Duration warm_after = std::chrono::minutes(10);
  StrangersPay strangers_pay = StrangersPay::kNever;
  ChallengeOptions challenge;  // Of all but sign-ups, which have their own.
  std::size_t regulars_max = 1 << 17;
  std::uint64_t seed = 0;  // Of all tables. In service: random.
};

struct DoorCounters {
  AdmissionCounters admission;  // Waiting, in flight, limits, capacity, pressure.
  Rung rung = Rung::kOpen;
  Time rung_since{};  // Time{}: from the beginning.
  // What answers without a limit of their own are shortened to; 0: they are not.
  std::uint32_t answer_tokens_max = 0;
  bool is_short = false;  // Of capacity, or was a moment ago.
  bool is_learning = false;
  bool is_warm = false;  // Likeness may be held against somebody.
  bool is_registration_restricted = false;
  SignUpRung registration_rung = SignUpRung::kOpen;
  int challenge_bits = 0;               // How hard a proof of work is asked for.
  std::uint32_t entrances_waiting = 0;  // For the password gate.
  std::uint32_t restrictions = 0;       // In force, pardons included.
  // Since construction.
  std::array<std::uint64_t, kRefusalCount> refused{};  // By Refusal; [kNone]: let in or waits.
  std::uint64_t edge_refused = 0;                      // Of Connect() and Edge().
  std::uint64_t events_ignored = 0;                    // Late, doubled or unknown.
  std::uint64_t times_clamped = 0;                     // Went back.
  std::uint64_t checks_lost = 0;                       // Of passwords, whose end was never told.
  std::array<LikenessCount, kLikenessCount> likeness = kLikenessCounts;
  LikenessTrialCount trial;
  bool enforces_likeness = false;
};

class Door {
 public:
  struct Word {
    enum What : std::uint8_t { kStart, kWait, kRefuse };
    What what = kStart;
    DoorId id = 0;  // 0 with kRefuse, and of a page: it ends as it begins, and is not told again.
    Refusal refusal = Refusal::kNone;
    Duration retry_after{0};  // 0: coming again later does not help by itself.
    int challenge_bits = 0;   // Of kChallengeRequired: how hard the proof of work must be.
    ExpectedWait wait{};      // With kWait for an answer.
    bool is_regular = false;  // Of an answer that admission was asked for: goes first when pressed.
    // Of an answer: what it is shortened to, or, of kShorterAnswers, could be; 0: it is not.
    std::uint32_t tokens_max = 0;
    RestrictionNotice restriction{};  // With kRefuse: the one that it is refused by.
    // Of a sign-up: why not, or how the account is made.
    SignUpAnswer sign_up = SignUpAnswer::kOpen;
    bool needs_mail = false;
    bool on_probation = false;
  };
  struct Expired {
    DoorId id = 0;  // No longer valid.
    Refusal refusal = Refusal::kNone;
    Duration retry_after{0};
  };

  // How old a state may be that is warm as it is, and how old one that is of any use.
  static constexpr Duration kWarmStateAge = std::chrono::hours(24);
  static constexpr Duration kStateAge = std::chrono::hours(24 * 7);

  explicit Door(const DoorOptions& options);
  // A door that knows what another had learned when it was saved, by a clock that has run on since.
  // Errors: kCorrupt; kUnsupported, of another form or other options; kFailedPrecondition, too old.
  [[nodiscard]] static Result<Door> Restore(const DoorOptions& options, std::string_view state,
                                            Time now);
  ~Door();
  Door(Door&&) noexcept;
  Door& operator=(Door&&) noexcept;

  // What was learned: who was seen, what is usual, where accounts are used, what the engine can
  // take. Keyed hashes and numbers; nobody who waits or is under way. Appends one of kStateParts,
  // in order: a large door takes tens of milliseconds for all, and less than one for each.
  static constexpr std::size_t kStateParts = 64;
  void Save(std::size_t part, std::string& state) const;

  // Known from before: it has been here, and is logged in at this place.
  void Remember(const Caller& caller, Time now);

  // Of a new connection, by its address and prefix, before it costs anything: kStart or kRefuse.
  // Once for each; `is_encrypted`: it begins with a TLS handshake.
  Word Connect(const Caller& caller, bool is_encrypted, Time now);
  // Of a client that a proxy's connection speaks for: who may not connect is not served through a
  // proxy either. The proxy's connections are not the client's, and are not counted.
  Word Edge(const Caller& caller, Time now);
  // Of a request of which the head was read, and whose body can change nothing of how the limits
  // see it: what Admit would refuse by restriction or rate. nullopt: nothing is refused so far, and
  // nothing was counted; Admit is to be asked.
  std::optional<Word> AdmitHead(const RequestFacts& head, Time now);
  // Of a request that was read. Once for each attempt.
  Word Admit(const RequestFacts& facts, Time now);

  // Appends what may start now, and what is refused after all.
  void Poll(Time now, std::vector<DoorId>& started, std::vector<Expired>& refused);
  // When Poll could have something to do without any other event; Time::max(): never.
  Time NextTime() const;
  // Of an answer that waits, as things are at `now`; nullopt: no such id, or it does not wait.
  std::optional<ExpectedWait> Wait(DoorId id, Time now) const;

  void OnFirstToken(DoorId id, Time now);
  // Whatever became of it; `outcome.time` is now. Who it was and what they asked is known from
  // Admit, and need not be told again. Of id 0 nothing is done.
  void End(DoorId id, const OutcomeFacts& outcome);
  void OnConnection(const ConnectionFacts& facts);
  void OnEngineReport(const EngineReport& report, Time now);

  // From now on; at first as the options say.
  void SetEnforcesLikeness(bool enforces);
  // What is owed to the old limits, and what was restricted, is forgotten.
  void SetLimits(const EdgeLimits& limits);

  // Who is restricted, why and until when; undoing; the records of both.
  Restrictions& restrictions();
  // Changes of the registration policy, in order.
  void DrainRegistrationChanges(std::vector<RegistrationChange>& out);

  DoorCounters counters() const;
  Rung rung() const;  // Of the counters.

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::guard
