#include "server/live_door.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "server/decision_id.h"
#include "server/wall_clock.h"

namespace holdfast::server {
namespace {

constexpr std::chrono::milliseconds kReportEvery{250};

api::ApiError ToApiError(Reason reason, guard::Duration retry_after) {
  api::ApiError error = api::ToApiError(reason);
  if (retry_after.count() > 0) {
    error.retry_after = std::chrono::ceil<std::chrono::milliseconds>(retry_after);
  }
  return error;
}

std::optional<guard::Door::Word> IfRefused(const guard::Door::Word& word) {
  return word.what == guard::Door::Word::kRefuse ? std::optional(word) : std::nullopt;
}

}  // namespace

LiveDoor::Ticket::Ticket(Ticket&& other) noexcept
    : door_(std::exchange(other.door_, nullptr)),
      id_(other.id_),
      guest_(std::move(other.guest_)),
      entry_(other.entry_),
      tokens_max_(other.tokens_max_) {}

LiveDoor::Ticket& LiveDoor::Ticket::operator=(Ticket&& other) noexcept {
  if (this == &other) return *this;
  EndAsFailed();
  door_ = std::exchange(other.door_, nullptr);
  id_ = other.id_;
  guest_ = std::move(other.guest_);
  entry_ = other.entry_;
  tokens_max_ = other.tokens_max_;
  return *this;
}

LiveDoor::Ticket::~Ticket() { EndAsFailed(); }

void LiveDoor::Ticket::EndAsFailed() {
  if (door_ == nullptr) return;
  guard::OutcomeFacts outcome;
  outcome.ending = guard::Ending::kFailed;
  End(outcome);
}

bool LiveDoor::Ticket::is_waiting() const {
  if (door_ == nullptr) return false;
  const std::lock_guard lock(door_->mutex_);
  return guest_->state == State::kWaiting;
}

std::optional<api::ApiError> LiveDoor::Ticket::refusal() const {
  if (door_ == nullptr) return std::nullopt;
  const std::lock_guard lock(door_->mutex_);
  if (guest_->state != State::kRefused) return std::nullopt;
  return ToApiError(guest_->refusal.value_or(Reason::kInternal), guest_->retry_after);
}

net::Awaitable<bool> LiveDoor::Ticket::Wait(net::TimePoint deadline) {
  co_return co_await guest_->event->Wait(deadline);
}

void LiveDoor::Ticket::Wake() {
  if (guest_ != nullptr) guest_->event->Notify();
}

std::optional<api::WaitNotice> LiveDoor::Ticket::notice() const {
  if (door_ == nullptr) return std::nullopt;
  const std::lock_guard lock(door_->mutex_);
  const std::optional<guard::ExpectedWait> wait = door_->door_.Wait(id_, door_->Now());
  if (!wait) return std::nullopt;
  return api::WaitNotice{wait->place, std::chrono::ceil<std::chrono::milliseconds>(wait->expected)};
}

void LiveDoor::Ticket::OnFirstToken() {
  if (door_ == nullptr) return;
  Woken woken;
  {
    const std::lock_guard lock(door_->mutex_);
    const guard::Time now = door_->Now();
    door_->door_.OnFirstToken(id_, now);
    if (door_->observer_ != nullptr) door_->observer_->OnFirstToken(id_, now);
    door_->Poll(now, woken);
  }
  door_->WakeAll(woken);
}

void LiveDoor::Ticket::End(guard::OutcomeFacts outcome) {
  if (door_ == nullptr) return;
  LiveDoor& door = *std::exchange(door_, nullptr);
  Woken woken;
  {
    const std::lock_guard lock(door.mutex_);
    outcome.time = door.Now();
    outcome.arrival = guest_->arrival;
    // What the door refused after all has ended there.
    if (guest_->state != State::kRefused) door.TellEnd(id_, outcome);
    door.waiting_.erase(id_);
    door.Poll(outcome.time, woken);
  }
  door.WakeAll(woken);
}

LiveDoor::LiveDoor(guard::Door door, std::function<guard::EngineReport()> report,
                   metrics::Registry& registry, DoorObserver* observer, const DoorClock& clock,
                   std::string contact)
    : report_(std::move(report)),
      contact_(std::move(contact)),
      clock_(clock),
      observer_(observer),
      door_(std::move(door)),
      running_gauge_(registry.GetGauge("holdfast_answers_running", "Answers under way.")),
      waiting_gauge_(registry.GetGauge("holdfast_answers_waiting", "Requests in the queue.")),
      pressure_gauge_(registry.GetGauge("holdfast_pressure", "Demand over capacity.")),
      rung_gauge_(
          registry.GetGauge("holdfast_ladder_rung",
                            "How far the service has stepped down: 0 not at all, 1 no early "
                            "retries, 2 shorter answers, 3 no batch, 4 signed-in only, 5 history "
                            "only.")),
      limit_gauge_(
          registry.GetGauge("holdfast_answers_limit", "Answers let in at once, as learned.")),
      warm_gauge_(registry.GetGauge("holdfast_guard_warm",
                                    "1 once what is usual is known well enough to judge by it.")),
      registration_gauge_(registry.GetGauge("holdfast_registration_rung",
                                            "What the guard asks of sign-ups: 0 nothing, 1 "
                                            "challenge, 2 mail, 3 invitation, 4 closed.")),
      challenge_gauge_(registry.GetGauge("holdfast_challenge_bits",
                                         "Leading zero bits that a proof of work must have.")) {
  const auto counts = door_.counters().likeness;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    likeness_gauges_[i] = registry.GetGauge(
        "holdfast_likeness",
        "What likeness to an attack would have done, were it enforced: requests and connections.",
        {{"rule", std::string(counts[i].rule)},
         {"action", std::string(guard::RestrictionActionWord(counts[i].action))}});
  }
}

guard::Time LiveDoor::Clock() const { return clock_.Now(); }

guard::Time LiveDoor::Now() {
  now_ = std::max(now_, Clock());
  return now_;
}

void LiveDoor::Settle(Guest& guest, State state, Woken& woken) {
  guest.state = state;
  woken.push_back(guest.event);
}

void LiveDoor::Poll(guard::Time now, Woken& woken) {
  started_.clear();
  expired_.clear();
  door_.Poll(now, started_, expired_);
  for (const guard::DoorId id : started_) {
    if (observer_ != nullptr) observer_->OnDecided({.id = id}, now);
    const auto found = waiting_.find(id);
    if (found == waiting_.end()) continue;
    Settle(*found->second, State::kStarted, woken);
    waiting_.erase(found);
  }
  for (const guard::Door::Expired& expired : expired_) {
    if (observer_ != nullptr) observer_->OnDecided(expired, now);
    const auto found = waiting_.find(expired.id);
    if (found == waiting_.end()) continue;
    found->second->refusal = guard::ToReason(expired.refusal);
    found->second->retry_after = expired.retry_after;
    Settle(*found->second, State::kRefused, woken);
    waiting_.erase(found);
  }
  WakeEarlier(woken);
}

void LiveDoor::TellEnd(guard::DoorId id, const guard::OutcomeFacts& outcome) {
  door_.End(id, outcome);
  if (observer_ != nullptr && id != 0) observer_->OnEnded(id, outcome);
}

// What nobody drains is lost when it is too much: the records are drained with or without one.
void LiveDoor::TellChanges(guard::Time now) {
  restrictions_.clear();
  registrations_.clear();
  door_.restrictions().DrainRecords(restrictions_);
  door_.DrainRegistrationChanges(registrations_);
  for (const guard::RegistrationChange& change : registrations_) TakeStep(change);
  for (const guard::RestrictionRecord& record : restrictions_) {
    kept_.push_back(record);
    if (kept_.size() > kKeptMax) kept_.pop_front();
  }
  if (observer_ == nullptr) return;
  for (const guard::RestrictionRecord& record : restrictions_) observer_->OnRestriction(record);
  for (const guard::RegistrationChange& change : registrations_) observer_->OnRegistration(change);
  const guard::DoorCounters counters = door_.counters();
  if (counters.rung != rung_) observer_->OnRung(rung_, counters, now);
  rung_ = counters.rung;
}

// The timer sleeps until timer_due_; something may be due before.
void LiveDoor::WakeEarlier(Woken& woken) {
  std::shared_ptr<net::Event> timer = timer_.lock();
  if (timer == nullptr || door_.NextTime() >= timer_due_) return;
  timer_due_ = door_.NextTime();
  woken.push_back(std::move(timer));
}

// Without the lock: posting takes the event loop's.
void LiveDoor::WakeAll(Woken& woken) {
  for (std::shared_ptr<net::Event>& event : woken) net::Event::PostNotify(std::move(event));
}

net::Awaitable<void> LiveDoor::Run() {
  const net::Executor executor = co_await net::CurrentExecutor();
  const auto timer = std::make_shared<net::Event>(executor);
  {
    const std::lock_guard lock(mutex_);
    timer_ = timer;
  }
  net::TimePoint report_at = net::Clock::now();
  while (true) {
    if (net::Clock::now() >= report_at) {
      HearOfEngines();
      Publish();
      report_at = net::Clock::now() + kReportEvery;
    }
    net::TimePoint wake_at = report_at;
    Woken woken;
    {
      const std::lock_guard lock(mutex_);
      const guard::Time now = Now();
      timer_due_ = guard::Time::min();  // Awake: nobody need wake it.
      Poll(now, woken);
      TellChanges(now);
      timer_due_ = std::min(door_.NextTime(), now + guard::Duration(kReportEvery));
      wake_at = std::min(wake_at, clock_.PointOf(timer_due_));
    }
    WakeAll(woken);
    co_await timer->Wait(wake_at);
  }
}

void LiveDoor::HearOfEngines() {
  const guard::EngineReport report = report_();
  const std::lock_guard lock(mutex_);
  is_engine_up_ = report.workers_up > 0;
  const guard::Time now = Now();
  door_.OnEngineReport(report, now);
  if (observer_ != nullptr) observer_->OnEngineReport(report, door_.counters(), now);
}

std::optional<guard::Door::Word> LiveDoor::Connect(const guard::Caller& caller, bool is_encrypted) {
  const std::lock_guard lock(mutex_);
  return IfRefused(door_.Connect(caller, is_encrypted, Now()));
}

std::optional<guard::Door::Word> LiveDoor::Edge(const guard::Caller& caller) {
  const std::lock_guard lock(mutex_);
  return IfRefused(door_.Edge(caller, Now()));
}

api::ApiError LiveDoor::ErrorOf(const guard::Door::Word& word) const {
  const Reason reason = guard::ToReason(word.refusal).value_or(Reason::kInternal);
  api::ApiError error = ToApiError(reason, word.retry_after);
  if (word.restriction.id != 0) {
    error.decision = {DecisionId(word.restriction.id), std::string(word.restriction.rule),
                      ToWallMs(word.restriction.expires), contact_};
  }
  return error;
}

std::int64_t LiveDoor::ToWallMs(guard::Time time) const {
  return std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

std::vector<guard::Restriction> LiveDoor::Restrictions() {
  const std::lock_guard lock(mutex_);
  return door_.restrictions().List(Now());
}

std::optional<guard::Restriction> LiveDoor::FindRestriction(guard::RestrictionId id) {
  const std::lock_guard lock(mutex_);
  const guard::Restriction* const found = door_.restrictions().FindId(id, Now());
  return found == nullptr ? std::nullopt : std::optional(*found);
}

bool LiveDoor::UndoRestriction(guard::RestrictionId id, std::uint64_t by) {
  const std::lock_guard lock(mutex_);
  return door_.restrictions().Undo(id, Now(), by);
}

void LiveDoor::DrainRestrictions(std::vector<guard::RestrictionRecord>& out) {
  const std::lock_guard lock(mutex_);
  const guard::Time now = Now();
  door_.restrictions().Expire(now);
  TellChanges(now);
  out.insert(out.end(), kept_.begin(), kept_.end());
  kept_.clear();
}

void LiveDoor::SetEnforcesLikeness(bool enforces) {
  const std::lock_guard lock(mutex_);
  door_.SetEnforcesLikeness(enforces);
}

std::optional<guard::Door::Word> LiveDoor::AskHead(guard::RequestFacts head) {
  const std::lock_guard lock(mutex_);
  // That is then the reason, and is said later.
  if (is_draining_) return std::nullopt;
  head.time = Now();
  const std::optional<guard::Door::Word> word = door_.AdmitHead(head, head.time);
  if (word && observer_ != nullptr) observer_->OnAsked(head, *word);
  return word;
}

api::ApiResult<LiveDoor::Ticket> LiveDoor::Ask(guard::RequestFacts facts,
                                               const net::Executor& executor) {
  // Whoever sees that an engine is up may ask it at once.
  if (!is_engine_up_) HearOfEngines();
  const auto guest = std::make_shared<Guest>();
  guest->event = std::make_shared<net::Event>(executor);
  Woken woken;
  guard::Door::Word word;
  {
    const std::lock_guard lock(mutex_);
    if (is_draining_) return std::unexpected(api::ToApiError(Reason::kDraining));
    facts.time = Now();
    word = door_.Admit(facts, facts.time);
    guest->arrival = facts.time;
    guest->state = word.what == guard::Door::Word::kWait ? State::kWaiting : State::kStarted;
    if (word.what == guard::Door::Word::kWait) waiting_.emplace(word.id, guest);
    if (observer_ != nullptr) observer_->OnAsked(facts, word);
    Poll(facts.time, woken);
  }
  WakeAll(woken);
  if (word.what == guard::Door::Word::kRefuse) return std::unexpected(RefusalOf(word));
  if (word.id == 0) return Ticket();
  Ticket ticket(*this, word.id, guest);
  ticket.entry_ = {word.needs_mail, word.on_probation};
  ticket.tokens_max_ = word.tokens_max;
  return ticket;
}

api::ApiError LiveDoor::RefusalOf(const guard::Door::Word& word) const {
  api::ApiError error = ErrorOf(word);
  if (word.refusal == guard::Refusal::kShorterAnswers) {
    error.message = fmt::format(
        "The service is over its capacity and gives answers of at most {} tokens for now. Please "
        "ask for no more than that, set no limit, or try again later.",
        word.tokens_max);
    error.param = "max_tokens";
  }
  switch (word.sign_up) {
    case guard::SignUpAnswer::kNeedsMail:
      error = api::ToApiError(Reason::kBadRequest);
      error.message =
          "Many more than usual register now: a mail address is asked for, which you "
          "confirm, or an invitation.";
      error.param = "email";
      break;
    case guard::SignUpAnswer::kNeedsInvitation:
      error.reason = Reason::kInvitationRequired;
      error.message = "Many more than usual register now: an invitation is asked for.";
      break;
    case guard::SignUpAnswer::kClosed:
      error.reason = Reason::kRegistrationClosed;
      error.message = "Far more than usual register now. Nobody can until that is over.";
      break;
    case guard::SignUpAnswer::kOpen:
    case guard::SignUpAnswer::kChallenge:
    case guard::SignUpAnswer::kPaused:
      break;
  }
  return error;
}

void LiveDoor::OnConnection(guard::ConnectionFacts facts) {
  const std::lock_guard lock(mutex_);
  facts.time = Now();
  door_.OnConnection(facts);
  if (observer_ != nullptr) observer_->OnConnection(facts);
}

void LiveDoor::Drain() {
  Woken woken;
  {
    const std::lock_guard lock(mutex_);
    is_draining_ = true;
    guard::OutcomeFacts outcome;
    outcome.time = Now();
    outcome.ending = guard::Ending::kFailed;
    for (const auto& [id, guest] : waiting_) {
      outcome.arrival = guest->arrival;
      TellEnd(id, outcome);
      guest->refusal = Reason::kDraining;
      Settle(*guest, State::kRefused, woken);
    }
    waiting_.clear();
  }
  WakeAll(woken);
}

guard::DoorCounters LiveDoor::counters() const {
  const std::lock_guard lock(mutex_);
  return door_.counters();
}

guard::Rung LiveDoor::rung() const {
  const std::lock_guard lock(mutex_);
  return door_.rung();
}

api::ServiceLevel LiveDoor::level() {
  api::ServiceLevel level;
  level.registration = registration();
  const guard::DoorCounters now = counters();
  level.rung = now.rung;
  if (now.rung_since != guard::Time{}) level.since_ms = ToWallMs(now.rung_since);
  level.answer_tokens_max = now.answer_tokens_max;
  return level;
}

std::string LiveDoor::SaveLearned() const {
  std::string state;
  std::string piece;
  for (std::size_t part = 0; part < guard::Door::kStateParts; ++part) {
    piece.clear();
    {
      const std::lock_guard lock(mutex_);
      door_.Save(part, piece);
    }
    state += piece;  // To make room for many megabytes takes longer than the part.
  }
  return state;
}

api::GuardRegistration LiveDoor::registration() {
  const std::lock_guard lock(mutex_);
  api::GuardRegistration now = registration_;
  const guard::DoorCounters counters = door_.counters();
  // What the next look will tell of, without its time yet.
  if (now.rung != counters.registration_rung) {
    if (!now.is_restricted()) now.restricted_at = WallClockMs();
    now.rung = counters.registration_rung;
    now.since = WallClockMs();
  }
  now.challenge_bits = counters.challenge_bits;
  return now;
}

// Looked for so often that the time since when is right.
void LiveDoor::TakeStep(const guard::RegistrationChange& change) {
  registration_.rung = change.to;
  registration_.since = WallClockMs();
  registration_.rate = change.rate;
  registration_.baseline = change.baseline;
  if (change.from == guard::SignUpRung::kOpen) registration_.restricted_at = registration_.since;
  if (!change.is_restricted()) registration_.lifted_at = registration_.since;
  if (registration_news_ != nullptr) registration_steps_.emplace_back(change.from, registration_);
}

void LiveDoor::TellOfRegistration() {
  decltype(registration_steps_) steps;
  {
    const std::lock_guard lock(mutex_);
    steps.swap(registration_steps_);
  }
  for (const auto& [from, now] : steps) registration_news_(from, now);
}

void LiveDoor::Publish() {
  TellOfRegistration();
  const guard::DoorCounters counters = this->counters();
  running_gauge_.Set(counters.admission.in_flight);
  waiting_gauge_.Set(counters.admission.waiting);
  pressure_gauge_.Set(counters.admission.pressure);
  limit_gauge_.Set(counters.admission.in_flight_limit);
  rung_gauge_.Set(static_cast<double>(counters.rung));
  warm_gauge_.Set(counters.is_warm ? 1 : 0);
  registration_gauge_.Set(static_cast<double>(counters.registration_rung));
  challenge_gauge_.Set(counters.challenge_bits);
  for (std::size_t i = 0; i < counters.likeness.size(); ++i) {
    likeness_gauges_[i].Set(static_cast<double>(counters.likeness[i].count));
  }
}

}  // namespace holdfast::server
