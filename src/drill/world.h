// World: the state of one simulation and what callers can do in it: ask, and be woken later.
// Callers come in groups that share a behaviour (CallerGroup); each caller has an index that is the
// same in counterfactual runs, and its own random numbers. Owned by Simulate(); single-threaded.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "drill/caller_kind.h"
#include "drill/cpu_queue.h"
#include "drill/event_queue.h"
#include "drill/front_door.h"
#include "drill/observer.h"
#include "drill/random_stream.h"
#include "drill/recorder.h"
#include "drill/scenario.h"
#include "drill/wish.h"
#include "verdict/engine/engine_model.h"

namespace holdfast::drill {

struct CallerState {
  guard::Caller ids;
  RandomStream random;
  std::uint32_t logical = 0;  // Wishes so far.
  std::uint16_t group = 0;
  std::uint16_t turns_left = 0;
  std::uint8_t phase = 0;  // Of the group's own.
  std::uint8_t tries = 0;
  guard::Standing standing = guard::Standing::kAnonymous;
  CallerKind kind = CallerKind::kRegular;
  bool is_first_visit = false;
  bool is_known = false;      // To the service, from earlier days.
  float pace = 1;             // Personal: 2 takes twice the time.
  std::uint64_t payload = 0;  // Of a person's last turn in this session; 0: none yet.
};

// How an attempt ended, for the one who made it.
struct AttemptEnd {
  guard::Ending ending = guard::Ending::kServed;
  guard::Refusal refusal = guard::Refusal::kNone;
  Duration retry_after{0};
  std::uint32_t output_tokens = 0;
};
inline constexpr Duration kNoRetry{-1};

class World;

// Callers with one behaviour. Calls come from the world, in order of time.
class CallerGroup {
 public:
  virtual ~CallerGroup() = default;

  virtual std::uint32_t count() const = 0;
  // Makes its callers, from `first` on; their streams are seeded from their names alone.
  virtual void Introduce(World& world, std::uint32_t first) = 0;
  // Wakes those who do something of their own. Not called for hostile groups when causes lack them.
  virtual void Begin(World& world) = 0;
  // At a time the group chose, with its own note.
  virtual void OnWake(World& world, std::uint32_t caller, std::uint16_t note) = 0;
  // After each attempt: the delay until the wish is tried again, or kNoRetry. May change the wish's
  // facts, must not ask.
  virtual Duration OnAttemptEnd(World& world, Wish& wish, const AttemptEnd& end) = 0;
};

// What a caller wants, before World makes it a Wish.
struct Request {
  guard::Route route = guard::Route::kChat;
  std::uint64_t payload = 0;
  std::uint32_t prompt_tokens = 0;
  std::uint32_t output_tokens = 1;
  std::uint32_t tokens_max = 0;
  Duration patience = std::chrono::seconds(30);
  Duration leaves_after{-1};
  bool tells_patience = false;
  bool is_batch = false;
  bool opens_connection = false;
  bool reads = true;
  bool is_file = false;  // Of a page that was asked for: nobody waits for it.
  bool has_wrong_password = false;
  Duration form_time{-1};  // Of a sign-up, as in RequestFacts.
  bool has_disposable_mail = false;
  // Of a log-in: the account it is for, and where it comes from. 0: the caller's own.
  std::uint64_t account = 0;
  std::uint64_t address = 0;
  std::uint64_t prefix = 0;
};

class World {
 public:
  World(const Scenario& scenario, Observer* observer);
  ~World();

  void Add(std::unique_ptr<CallerGroup> group);
  SimulationResult Run();
  static constexpr Duration kReportInterval = std::chrono::milliseconds(250);

  // For groups.
  Time now() const { return now_; }
  std::uint64_t seed() const { return scenario_.seed; }
  const Scenario& scenario() const { return scenario_; }
  CallerState& caller(std::uint32_t index) { return callers_[index]; }
  void Wake(std::uint32_t caller, Time at, std::uint16_t note = 0);
  // Sends the first attempt of a wish. False: in this counterfactual run honest demand is thinned,
  // and `mark`, in [0, 1), lies above the share that is kept now; the caller goes on as if it had
  // been answered elsewhere.
  bool Ask(std::uint32_t caller, const Request& request, double mark = 0);
  // Opens a connection that stays until `until` unless the door closes it before.
  void OpenSlowConnection(std::uint32_t caller, guard::ConnectionEvent event, Time until);

 private:
  guard::Standing StandingOf(const CallerState& caller) const;
  enum What : std::uint8_t {
    kWake,
    kRetry,
    kArrive,
    kPatience,
    kLeave,
    kHashDone,
    kCloseConnection,
    kFaultStart,
    kFaultEnd,
    kReport,
    kProbe,
    kSecond,
  };
  struct SlowConnection {
    std::uint32_t caller = 0;
    std::uint32_t generation = 0;
    guard::ConnectionEvent event = guard::ConnectionEvent::kHandshakeOnly;
    Time opened{};
    bool is_open = false;
  };
  struct Opened {
    std::uint32_t index = 0;
    std::uint32_t generation = 0;
  };

  void Push(What what, Time at, std::uint32_t subject, std::uint32_t tag);
  void RunEvent(const Event& event);
  void RunEngine(Time now);
  void PollDoor();

  std::uint32_t TakeSlot();
  void Attempt(std::uint32_t slot);
  void Arrive(std::uint32_t slot);
  void Start(std::uint32_t slot);
  void CheckPassword(std::uint32_t slot);
  void StartEngine(std::uint32_t slot);
  void OnFirstToken(std::uint32_t slot);
  void Abandon(std::uint32_t slot);
  void Refuse(std::uint32_t slot, guard::Refusal refusal, Duration retry_after, bool was_let_in);
  void EndAttempt(std::uint32_t slot, const AttemptEnd& end, bool was_let_in);
  guard::OutcomeFacts MakeOutcome(const Wish& wish, const AttemptEnd& end) const;
  void Judge(Wish& wish, const guard::OutcomeFacts& outcome) const;
  Truth TruthOf(const Wish& wish) const;

  bool TakeConnection();
  bool EvictSlowConnection();
  void CloseSlowConnection(std::uint32_t index);

  void ApplyFaults();
  void TellGap();
  void TellCapacity();
  void Report();
  void Probe();
  void EndSecond();
  Observer* watching() const { return is_blind_ ? nullptr : observer_; }

  Scenario scenario_;
  Observer* observer_;
  std::unique_ptr<FrontDoor> door_;
  verdict::EngineModel engine_;
  CpuQueue handshakes_;
  CpuQueue hashes_;  // Of passwords.
  Recorder recorder_;
  EventQueue queue_;
  Time now_{};
  Time door_time_{};              // When the door has something to say by itself,
  bool is_door_touched_ = false;  // or after what it was told: a refusal at arrival is nothing.
  std::vector<std::unique_ptr<CallerGroup>> groups_;
  std::vector<CallerState> callers_;
  std::vector<Wish> wishes_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<SlowConnection> slow_;
  std::vector<std::uint32_t> free_slow_;
  std::deque<Opened> slow_order_;  // By opening; some are closed already.
  std::uint32_t connections_ = 0;
  std::uint32_t slow_connections_ = 0;
  std::vector<verdict::EngineModel::Event> engine_events_;
  std::vector<std::uint32_t> started_;
  std::vector<FrontDoor::Expired> expired_;
  std::vector<bool> active_faults_;
  std::uint64_t events_ = 0;
  double reported_tokens_ = 0;
  Time reported_at_{};
  double lost_share_ = 0;  // Of what is sent, before the host.
  double batch_share_ = 1;
  double limits_share_ = 1;
  RandomStream uplink_;
  bool is_blind_ = false;
  Time blind_since_{};
};

}  // namespace holdfast::drill
