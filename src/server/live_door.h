// LiveDoor: the guard's door where it serves: behind one leaf lock, with the clock read inside it,
// and with somebody to wake when a place is free. A Ticket is the right to one answer, or a place
// in the queue for it; whatever becomes of the request, its ticket ends once.
//
// Thread-safe. Run is spawned once, on any I/O thread. The door must outlive its tickets.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "api/account/endpoints.h"
#include "api/api_error.h"
#include "api/gateway/service_endpoint.h"
#include "api/reply.h"
#include "guard/door.h"
#include "metrics/registry.h"
#include "net/event.h"
#include "server/door_clock.h"
#include "server/door_observer.h"

namespace holdfast::server {

class LiveDoor {
 private:
  enum class State : std::uint8_t { kWaiting, kStarted, kRefused };
  // One request at the door. Its state is the lock's.
  struct Guest {
    std::shared_ptr<net::Event> event;
    State state = State::kWaiting;
    std::optional<Reason> refusal;
    guard::Duration retry_after{0};
    guard::Time arrival{};
  };

 public:
  // Move-only. One that was not ended is ended as failed when it dies.
  class Ticket {
   public:
    Ticket() = default;  // Of nothing: what the door does not hold to account.
    Ticket(Ticket&& other) noexcept;
    Ticket& operator=(Ticket&& other) noexcept;
    ~Ticket();

    bool is_waiting() const;
    // Once it does not wait any more: why it was refused after all; nullopt: it may start.
    std::optional<api::ApiError> refusal() const;
    // Until its state changes; false: the deadline came first.
    net::Awaitable<bool> Wait(net::TimePoint deadline);
    // Ends a Wait that is under way.
    void Wake();
    // Of a sign-up: how it was let in.
    const api::SignUpEntry& entry() const { return entry_; }
    // Of an answer: what it is shortened to; 0: it is not.
    std::uint32_t tokens_max() const { return tokens_max_; }
    // Its place and wait as things are; nullopt: it does not wait.
    std::optional<api::WaitNotice> notice() const;

    void OnFirstToken();
    // `outcome.time` and `outcome.arrival` are filled in here.
    void End(guard::OutcomeFacts outcome);

   private:
    friend class LiveDoor;
    Ticket(LiveDoor& door, guard::DoorId id, std::shared_ptr<Guest> guest)
        : door_(&door), id_(id), guest_(std::move(guest)) {}
    void EndAsFailed();

    LiveDoor* door_ = nullptr;
    guard::DoorId id_ = 0;
    std::shared_ptr<Guest> guest_;
    api::SignUpEntry entry_;
    std::uint32_t tokens_max_ = 0;
  };

  // `report`: what is known of the engines, asked four times a second, and by each request while
  // none is known to be up. `observer` is told of all that happens, and must outlive it; null:
  // nobody is. `clock` is that by which `door` was restored. `contact`: where whoever is limited
  // may object; empty: nowhere.
  LiveDoor(guard::Door door, std::function<guard::EngineReport()> report,
           metrics::Registry& registry, DoorObserver* observer = nullptr,
           const DoorClock& clock = DoorClock(), std::string contact = {});
  LiveDoor(const LiveDoor&) = delete;
  LiveDoor& operator=(const LiveDoor&) = delete;

  // Wakes who may start, and asks for reports, for ever.
  net::Awaitable<void> Run();

  // Of a new connection (guard::Door::Connect). The refusal; nullopt: it may come in.
  std::optional<guard::Door::Word> Connect(const guard::Caller& caller, bool is_encrypted);
  // Of a client that a proxy speaks for.
  std::optional<guard::Door::Word> Edge(const guard::Caller& caller);
  // Of a request of which the head was read (guard::Door::AdmitHead). The refusal; nullopt: none so
  // far.
  std::optional<guard::Door::Word> AskHead(guard::RequestFacts head);
  // What the client of a refusal is told.
  api::ApiError ErrorOf(const guard::Door::Word& refusal) const;
  // Of a request that was read. A ticket that may start or waits, or why not.
  api::ApiResult<Ticket> Ask(guard::RequestFacts facts, const net::Executor& executor);
  void OnConnection(guard::ConnectionFacts facts);

  // From here on everybody is refused as draining, those who wait too.
  void Drain();

  // Restrictions in force, by id; one of them; and the end of one, by whom (a keyed hash).
  std::vector<guard::Restriction> Restrictions();
  std::optional<guard::Restriction> FindRestriction(guard::RestrictionId id);
  bool UndoRestriction(guard::RestrictionId id, std::uint64_t by);
  // Appends what became of restrictions since it was called last: the latest kKeptMax at most.
  void DrainRestrictions(std::vector<guard::RestrictionRecord>& out);
  static constexpr std::size_t kKeptMax = 1 << 13;
  // The guard's time as it is, and what a time of its is in milliseconds since 1970.
  guard::Time Clock() const;
  std::int64_t ToWallMs(guard::Time time) const;

  void SetEnforcesLikeness(bool enforces);

  guard::DoorCounters counters() const;
  guard::Rung rung() const;
  // How far the service has stepped down.
  api::ServiceLevel level();
  // What the guard has learned, for a restart. The lock is taken for one part after the other.
  std::string SaveLearned() const;
  // What it makes of registrations now.
  api::GuardRegistration registration();
  // Told of each step of it, on the thread of Run, without the lock; to be set before Run.
  using RegistrationNews = std::function<void(guard::SignUpRung from, api::GuardRegistration now)>;
  void OnRegistration(RegistrationNews news) { registration_news_ = std::move(news); }

 private:
  using Woken = std::vector<std::shared_ptr<net::Event>>;

  // With the lock held.
  guard::Time Now();
  void Poll(guard::Time now, Woken& woken);
  static void Settle(Guest& guest, State state, Woken& woken);
  void WakeEarlier(Woken& woken);
  void TellEnd(guard::DoorId id, const guard::OutcomeFacts& outcome);
  void TellChanges(guard::Time now);

  api::ApiError RefusalOf(const guard::Door::Word& word) const;
  void HearOfEngines();
  void TakeStep(const guard::RegistrationChange& change);  // With the lock held.
  void TellOfRegistration();
  void WakeAll(Woken& woken);
  void Publish();

  const std::function<guard::EngineReport()> report_;
  const std::string contact_;
  std::atomic<bool> is_engine_up_{false};  // As the last report said.
  const DoorClock clock_;
  DoorObserver* const observer_;
  mutable std::mutex mutex_;
  guard::Door door_;
  guard::Time now_{};
  bool is_draining_ = false;
  std::unordered_map<guard::DoorId, std::shared_ptr<Guest>> waiting_;  // At most the queue's limit.
  std::vector<guard::DoorId> started_;
  std::vector<guard::Door::Expired> expired_;
  guard::Rung rung_ = guard::Rung::kOpen;  // As the observer was told, as are these.
  std::vector<guard::RestrictionRecord> restrictions_;
  std::deque<guard::RestrictionRecord> kept_;  // For DrainRestrictions.
  std::vector<guard::RegistrationChange> registrations_;
  api::GuardRegistration registration_;
  // What Run has to tell of; one a look at most, so it is drained long before it is much.
  std::vector<std::pair<guard::SignUpRung, api::GuardRegistration>> registration_steps_;
  RegistrationNews registration_news_;
  // Of Run, which owns it: it is of an I/O thread, which may end before the door does.
  std::weak_ptr<net::Event> timer_;
  guard::Time timer_due_{};

  metrics::Gauge running_gauge_, waiting_gauge_, pressure_gauge_, rung_gauge_, limit_gauge_,
      warm_gauge_;
  metrics::Gauge registration_gauge_, challenge_gauge_;
  std::array<metrics::Gauge, guard::kLikenessCount> likeness_gauges_;
};

}  // namespace holdfast::server
