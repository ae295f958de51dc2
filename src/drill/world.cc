#include "drill/world.h"

#include <algorithm>

#include "base/check.h"

namespace holdfast::drill {
namespace {

using guard::Ending;
using guard::IsGeneration;
using guard::Refusal;
using guard::Route;

// A handshake that waits less than this for its CPU is done at once.
constexpr Duration kPromptly = std::chrono::milliseconds(1);
constexpr double kBytesPerToken = 4.2;

bool IsOfTheCaller(Refusal refusal) {
  return refusal == Refusal::kYourRate || refusal == Refusal::kUnderAttack ||
         refusal == Refusal::kChallengeRequired;
}

}  // namespace

World::World(const Scenario& scenario, Observer* observer)
    : scenario_(scenario),
      observer_(observer),
      door_(MakeFrontDoor(scenario)),
      engine_(scenario.engine),
      handshakes_(scenario.resources.handshake_cores),
      hashes_(scenario.resources.password_cores),
      recorder_(scenario),
      active_faults_(scenario.faults.size(), false),
      uplink_(Mix(scenario.seed, 0x75706C)) {}

World::~World() = default;

void World::Add(std::unique_ptr<CallerGroup> group) {
  const auto first = static_cast<std::uint32_t>(callers_.size());
  callers_.resize(callers_.size() + group->count());
  for (std::size_t i = first; i < callers_.size(); ++i) {
    callers_[i].group = static_cast<std::uint16_t>(groups_.size());
  }
  group->Introduce(*this, first);
  groups_.push_back(std::move(group));
}

SimulationResult World::Run() {
  for (const CallerState& caller : callers_) {
    if (!caller.is_known || !scenario_.announces_regulars) continue;
    door_->OnKnown(caller.ids);
    if (observer_ != nullptr) observer_->OnKnown(caller.ids);
  }
  TellCapacity();
  std::vector<bool> is_hostile(groups_.size(), false);
  for (const CallerState& caller : callers_) is_hostile[caller.group] = IsHostile(caller.kind);
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    if (scenario_.causes.hostile || !is_hostile[i]) groups_[i]->Begin(*this);
  }
  if (scenario_.causes.lost_capacity) {
    for (std::uint32_t i = 0; i < scenario_.faults.size(); ++i) {
      Push(kFaultStart, scenario_.faults[i].start, i, 0);
      Push(kFaultEnd, scenario_.faults[i].end, i, 0);
    }
  }
  Push(kReport, now_ + kReportInterval, 0, 0);
  Push(kProbe, now_ + scenario_.probe_interval, 0, 0);
  Push(kSecond, now_ + std::chrono::seconds(1), 0, 0);

  const Time end = Time(scenario_.length);
  for (;;) {
    const Time next = std::min({queue_.NextTime(), engine_.NextEvent(), door_time_});
    if (next > end) break;
    now_ = next;
    if (engine_.NextEvent() <= now_) {
      RunEngine(now_);
    } else if (queue_.NextTime() <= now_) {
      RunEvent(queue_.Pop());
    }
    if (is_door_touched_ || door_time_ <= now_) PollDoor();
    ++events_;
  }
  return recorder_.Finish(events_);
}

void World::Push(What what, Time at, std::uint32_t subject, std::uint32_t tag) {
  queue_.Push(
      {.at_us = at.time_since_epoch().count(), .subject = subject, .tag = tag, .what = what});
}

void World::Wake(std::uint32_t caller, Time at, std::uint16_t note) {
  Push(kWake, std::max(at, now_), caller, note);
}

void World::RunEvent(const Event& event) {
  const auto is_current = [&] { return wishes_[event.subject].generation == event.tag; };
  switch (event.what) {
    case kWake:
      groups_[callers_[event.subject].group]->OnWake(*this, event.subject,
                                                     static_cast<std::uint16_t>(event.tag));
      break;
    case kRetry:
      if (is_current()) Attempt(event.subject);
      break;
    case kArrive:
      if (is_current()) Arrive(event.subject);
      break;
    case kPatience:
      if (is_current() && wishes_[event.subject].first_token == Time{}) Abandon(event.subject);
      break;
    case kLeave:
      if (is_current()) Abandon(event.subject);
      break;
    case kHashDone:
      if (is_current()) EndAttempt(event.subject, {.output_tokens = 0}, true);
      break;
    case kCloseConnection:
      if (slow_[event.subject].is_open && slow_[event.subject].generation == event.tag) {
        CloseSlowConnection(event.subject);
      }
      break;
    case kFaultStart:
    case kFaultEnd:
      active_faults_[event.subject] = event.what == kFaultStart;
      ApplyFaults();
      break;
    case kReport:
      Report();
      Push(kReport, now_ + kReportInterval, 0, 0);
      break;
    case kProbe:
      Probe();
      break;
    default:
      EndSecond();
  }
}

void World::RunEngine(Time now) {
  engine_events_.clear();
  engine_.Advance(now, engine_events_);
  for (const verdict::EngineModel::Event& event : engine_events_) {
    if (event.what == verdict::EngineModel::Event::kFirstToken) {
      OnFirstToken(event.slot);
    } else {
      EndAttempt(event.slot, {.output_tokens = wishes_[event.slot].output_tokens}, true);
    }
  }
}

void World::PollDoor() {
  do {
    started_.clear();
    expired_.clear();
    door_->Poll(now_, started_, expired_);
    for (const std::uint32_t slot : started_) Start(slot);
    for (const FrontDoor::Expired& expired : expired_) {
      recorder_.OnWaitBroken(now_);
      Refuse(expired.slot, expired.refusal, expired.retry_after, true);
    }
  } while (!started_.empty());
  is_door_touched_ = false;
  door_time_ = std::max(door_->NextTime(), now_ + Duration(1));
}

std::uint32_t World::TakeSlot() {
  if (free_slots_.empty()) {
    wishes_.emplace_back();
    return static_cast<std::uint32_t>(wishes_.size() - 1);
  }
  const std::uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  return slot;
}

bool World::Ask(std::uint32_t caller_index, const Request& request, double mark) {
  CallerState& caller = callers_[caller_index];
  const std::uint32_t logical = caller.logical++;
  if (!scenario_.causes.demand && !scenario_.keep.empty() && !IsHostile(caller.kind)) {
    const auto window = static_cast<std::size_t>(now_.time_since_epoch() / kThinningWindow);
    if (mark >= scenario_.keep[std::min(window, scenario_.keep.size() - 1)]) return false;
  }
  const std::uint32_t slot = TakeSlot();
  Wish& wish = wishes_[slot];
  const bool is_stranger = request.route == Route::kLogin || request.route == Route::kRegister;
  wish = {
      .facts = {.time = now_,
                .caller = caller.ids,
                .payload = request.payload,
                .prompt_tokens = request.prompt_tokens,
                .prompt_bytes = static_cast<std::uint32_t>(request.prompt_tokens * kBytesPerToken),
                .tokens_max = request.tokens_max,
                .patience = request.tells_patience ? request.patience : Duration(0),
                .route = request.route,
                .standing = is_stranger ? guard::Standing::kAnonymous : StandingOf(caller),
                .is_batch = request.is_batch,
                .form_time = request.form_time,
                .has_disposable_mail = request.has_disposable_mail},
      .first_arrival = now_,
      .patience = request.patience,
      .leaves_after = request.leaves_after,
      .caller = caller_index,
      .logical = logical,
      .generation = wish.generation,
      .output_tokens = request.tokens_max == 0
                           ? request.output_tokens
                           : std::min(request.output_tokens, request.tokens_max),
      .opens_connection = request.opens_connection,
      .has_wrong_password = request.has_wrong_password,
      .reads = request.reads,
      .is_file = request.is_file};
  if (request.account != 0) wish.facts.caller.account = request.account;
  if (request.address != 0) wish.facts.caller.address = request.address;
  if (request.prefix != 0) wish.facts.caller.prefix = request.prefix;
  recorder_.OnWish(wish, caller.kind);
  Attempt(slot);
  return true;
}

guard::Standing World::StandingOf(const CallerState& caller) const {
  const bool is_new = scenario_.everybody_is_new && caller.standing == guard::Standing::kHistory;
  return is_new ? guard::Standing::kNew : caller.standing;
}

void World::Attempt(std::uint32_t slot) {
  Wish& wish = wishes_[slot];
  ++wish.generation;
  wish.facts.time = now_;
  wish.started = {};
  wish.first_token = {};
  wish.expected_wait = Duration(0);
  const bool is_dropped = wish.opens_connection && !door_->Accepts(wish.facts.caller, now_);
  if (is_dropped || (lost_share_ > 0 && uplink_.Chance(lost_share_))) {
    wish.state = Wish::State::kNowhere;
    recorder_.OnLost(wish, callers_[wish.caller].kind);
    Push(kPatience, now_ + wish.patience, slot, wish.generation);
    return;
  }
  if (wish.opens_connection) {
    const Duration delay = handshakes_.Take(scenario_.resources.handshake_s, now_);
    if (delay >= kPromptly) {
      wish.state = Wish::State::kArriving;
      if (delay < wish.patience) {
        Push(kArrive, now_ + delay, slot, wish.generation);
      } else {
        Push(kPatience, now_ + wish.patience, slot, wish.generation);
      }
      return;
    }
  }
  Arrive(slot);
}

void World::Arrive(std::uint32_t slot) {
  Wish& wish = wishes_[slot];
  wish.facts.time = now_;
  recorder_.OnArrival(callers_[wish.caller].kind, now_);
  FrontDoor::Word word;
  const bool has_place = TakeConnection();
  if (has_place) {
    word = door_->OnRequest(slot, wish.facts, now_);
    wish.facts.is_regular = word.is_regular;
  } else {
    word = {.what = FrontDoor::Word::kRefuse, .refusal = Refusal::kConnectionsFull};
  }
  if (Observer* observer = watching(); observer != nullptr) {
    observer->OnRequest(wish.facts,
                        {.refusal = word.refusal,
                         .retry_after = word.retry_after,
                         .expected_wait = word.wait.expected,
                         .wait_low = word.wait.low,
                         .wait_high = word.wait.high,
                         .is_waiting = word.what == FrontDoor::Word::kWait},
                        TruthOf(wish));
  }
  is_door_touched_ |= word.what != FrontDoor::Word::kRefuse;
  if (word.what == FrontDoor::Word::kRefuse) {
    Refuse(slot, word.refusal, word.retry_after, false);
    if (has_place) --connections_;
  } else if (wish.facts.route == Route::kPage) {
    handshakes_.Take(scenario_.resources.page_s, now_);
    EndAttempt(slot, {}, true);
  } else if (word.what == FrontDoor::Word::kWait) {
    Push(kPatience, now_ + wish.patience, slot, wish.generation);
    wish.state = Wish::State::kAtDoor;
    if (IsGeneration(wish.facts.route)) {
      wish.expected_wait = std::max(word.wait.expected, Duration(1));
    }
  } else if (!IsGeneration(wish.facts.route)) {
    CheckPassword(slot);
  } else {
    Push(kPatience, now_ + wish.patience, slot, wish.generation);
    StartEngine(slot);
  }
}

void World::Start(std::uint32_t slot) {
  if (IsGeneration(wishes_[slot].facts.route)) {
    StartEngine(slot);
  } else {
    CheckPassword(slot);
  }
}

void World::CheckPassword(std::uint32_t slot) {
  Wish& wish = wishes_[slot];
  wish.state = Wish::State::kInHash;
  const Duration done = hashes_.Take(scenario_.resources.password_hash_s, now_);
  if (done <= wish.patience) {
    Push(kHashDone, now_ + done, slot, wish.generation);
  } else {
    Push(kPatience, now_ + wish.patience, slot, wish.generation);
  }
}

void World::StartEngine(std::uint32_t slot) {
  Wish& wish = wishes_[slot];
  if (wish.expected_wait > Duration(0)) {
    recorder_.OnWaited(wish.expected_wait, now_ - wish.facts.time, now_);
  }
  if (engine_.workers_up() == 0) {
    Refuse(slot, Refusal::kEngineDown, std::chrono::seconds(5), true);
    return;
  }
  wish.state = Wish::State::kInEngine;
  wish.started = now_;
  if (!engine_.Submit(slot, wish.facts.prompt_tokens, wish.output_tokens, now_)) {
    EndAttempt(slot, {.ending = Ending::kFailed}, true);
  }
}

void World::OnFirstToken(std::uint32_t slot) {
  Wish& wish = wishes_[slot];
  wish.first_token = now_;
  door_->OnFirstToken(slot, now_ - wish.started, now_);
  is_door_touched_ = true;
  if (Observer* observer = watching(); observer != nullptr) {
    observer->OnFirstToken(wish.facts, now_);
  }
  if (wish.leaves_after >= Duration(0)) {
    Push(kLeave, now_ + wish.leaves_after, slot, wish.generation);
  }
}

void World::Abandon(std::uint32_t slot) {
  const bool is_nowhere =
      wishes_[slot].state == Wish::State::kNowhere || wishes_[slot].state == Wish::State::kArriving;
  AttemptEnd end{.ending = is_nowhere ? Ending::kFailed : Ending::kAbandoned};
  if (wishes_[slot].state == Wish::State::kInEngine) end.output_tokens = engine_.Cancel(slot, now_);
  EndAttempt(slot, end, true);
}

void World::Refuse(std::uint32_t slot, Refusal refusal, Duration retry_after, bool was_let_in) {
  EndAttempt(slot, {.ending = Ending::kRefused, .refusal = refusal, .retry_after = retry_after},
             was_let_in);
}

void World::EndAttempt(std::uint32_t slot, const AttemptEnd& end, bool was_let_in) {
  Wish& wish = wishes_[slot];
  CallerState& caller = callers_[wish.caller];
  const bool has_arrived =
      wish.state != Wish::State::kNowhere && wish.state != Wish::State::kArriving;
  if (has_arrived) {
    const guard::OutcomeFacts outcome = MakeOutcome(wish, end);
    Judge(wish, outcome);
    recorder_.OnOutcome(wish, caller.kind, outcome);
    if (was_let_in) {
      --connections_;
      door_->OnEnd(slot, outcome);
      is_door_touched_ = true;
    }
    if (Observer* observer = watching(); observer != nullptr) {
      observer->OnOutcome(wish.facts, outcome, TruthOf(wish));
    } else if (observer_ != nullptr) {
      observer_->OnUnwritten(wish.facts, outcome);
    }
  }
  ++wish.generation;
  const Duration delay = groups_[caller.group]->OnAttemptEnd(*this, wish, end);
  if (delay >= Duration(0)) {
    wish.state = Wish::State::kBackingOff;
    if (wish.facts.attempt < 255) ++wish.facts.attempt;
    Push(kRetry, now_ + std::max(delay, Duration(1)), slot, wish.generation);
    return;
  }
  recorder_.OnWishEnd(wish, caller.kind, now_);
  wish.state = Wish::State::kFree;
  free_slots_.push_back(slot);
}

guard::OutcomeFacts World::MakeOutcome(const Wish& wish, const AttemptEnd& end) const {
  guard::OutcomeFacts outcome{
      .time = now_,
      .arrival = wish.facts.time,
      .caller = wish.facts.caller,
      .route = wish.facts.route,
      .ending = end.ending,
      .refusal = end.refusal,
      .prompt_tokens = wish.facts.prompt_tokens,
      .output_tokens = end.output_tokens,
      .was_read = wish.reads && end.ending == Ending::kServed,
      .failed_login = wish.has_wrong_password && end.ending == Ending::kServed};
  if (wish.first_token != Time{}) {
    outcome.first_token = std::max(wish.first_token - wish.facts.time, Duration(1));
    if (end.output_tokens > 1) {
      outcome.token_interval = (now_ - wish.first_token) / (end.output_tokens - 1);
    }
  }
  return outcome;
}

// An answer is good that came within the service level counted from the first attempt; also when
// its reader left it of his own will.
void World::Judge(Wish& wish, const guard::OutcomeFacts& outcome) const {
  wish.was_blocked = wish.was_blocked || IsOfTheCaller(outcome.refusal);
  wish.is_served = wish.is_served || outcome.ending == Ending::kServed;
  const bool has_answer = outcome.ending == Ending::kServed ||
                          (outcome.ending == Ending::kAbandoned && wish.first_token != Time{});
  const Duration limit = scenario_.level.first_token_max;
  wish.is_good = wish.is_good || (has_answer && wish.first_token - wish.first_arrival <= limit &&
                                  outcome.token_interval <= scenario_.level.token_interval_max);
}

Truth World::TruthOf(const Wish& wish) const {
  const CallerState& caller = callers_[wish.caller];
  return {.caller = wish.caller,
          .logical = wish.logical,
          .kind = caller.kind,
          .is_first_visit = caller.is_first_visit};
}

}  // namespace holdfast::drill
