#include "verdict/replay.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>
#include <queue>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "base/mix.h"
#include "verdict/engine/engine_model.h"

namespace holdfast::verdict {
namespace {

// What still runs so long after the last arrival is counted by its first token.
constexpr Duration kDrain = std::chrono::seconds(60);
// Above this share of hostile requests in a window the edge's refusals are theirs.
constexpr double kHostileShareMin = 0.01;
constexpr std::size_t kClientsMin = 1024;

template <typename T>
T Scaled(T value, double share) {
  return std::max<T>(1, static_cast<T>(std::llround(static_cast<double>(value) * share)));
}

std::optional<LossKind> LossOf(const ObservedAttempt& attempt) {
  if (attempt.ending == Ending::kRefused) return LossKind::kRefused;
  if (attempt.ending == Ending::kFailed) return LossKind::kFailed;
  if (attempt.ending == Ending::kAbandoned && attempt.first_token.count() == 0) {
    return LossKind::kAbandoned;
  }
  return std::nullopt;
}

bool IsHeedable(Duration told) { return told.count() > 0 && told <= ConductLaws::kHeededMax; }

class Run {
 public:
  Run(const ReplayInput& input, CausePresence presence)
      : input_(input),
        presence_(presence),
        admission_(WithFewClients()),
        engine_(input.engine),
        progress_(input.requests->requests.size()),
        next_report_(input.from) {
    result_.fates.assign(progress_.size(), Fate::kAbsent);
    result_.arrivals.assign(progress_.size(), Time::max());
  }

  ReplayResult Finish() {
    if (presence_.lost_capacity) EnterStep(input_.capacity->At(input_.from), input_.from);
    Time now = input_.from;
    for (;;) {
      now = std::max(now, NextTime());
      if (now >= input_.to + kDrain || IsOver(now)) break;
      RunEngine(now);
      RunCapacity(now);
      RunArrivals(now);
      RunTimers(now);
      Poll(now);
    }
    CountUnfinished();
    LeaveOutUncounted();
    return std::move(result_);
  }

 private:
  enum class Stage : std::uint8_t { kAway, kWaiting, kInEngine };
  struct Progress {
    TicketId ticket = 0;
    Time arrival{};      // Of the current attempt.
    Time first_token{};  // Time{}: none yet.
    std::uint32_t slot = 0;
    std::uint16_t number = 0;  // Of the current attempt, from 0.
    Stage stage = Stage::kAway;
    bool has_given_up = false;  // Its caller, on the conversation.
  };
  enum class What : std::uint8_t { kRetry, kPatience, kTurn };
  struct Timer {
    Time time{};
    std::uint64_t serial = 0;
    std::uint32_t request = 0;
    std::uint16_t number = 0;  // Of the attempt it was set for.
    What what = What::kRetry;
    bool operator>(const Timer& other) const {
      return time != other.time ? time > other.time : serial > other.serial;
    }
  };

  const LogicalRequest& RequestOf(std::uint32_t index) const {
    return input_.requests->requests[index];
  }
  bool IsHostile(const LogicalRequest& request) const {
    return input_.is_hostile[request.client] != 0;
  }

  Time NextTime() const {
    Time next = std::min(engine_.NextEvent(), admission_.NextTime());
    next = std::min(next, next_report_);
    const auto& requests = input_.requests->requests;
    if (next_arrival_ < requests.size()) next = std::min(next, requests[next_arrival_].arrival);
    if (!timers_.empty()) next = std::min(next, timers_.top().time);
    const auto& steps = input_.capacity->steps;
    if (presence_.lost_capacity && next_step_ < steps.size()) {
      next = std::min(next, steps[next_step_].time);
    }
    return next;
  }

  bool IsOver(Time now) const {
    return now >= input_.to && by_ticket_.empty() && in_engine_.size() == free_slots_.size();
  }

  void RunEngine(Time now) {
    events_.clear();
    engine_.Advance(now, events_);
    for (const EngineModel::Event& event : events_) {
      const std::uint32_t index = in_engine_[event.slot];
      Progress& progress = progress_[index];
      if (event.what == EngineModel::Event::kFirstToken) {
        progress.first_token = event.time;
        if (progress.ticket != 0) admission_.OnFirstToken(progress.ticket, event.time);
      } else {
        EndAnswer(index, event.time);
      }
    }
  }

  void EndAnswer(std::uint32_t index, Time now) {
    const LogicalRequest& request = RequestOf(index);
    Progress& progress = progress_[index];
    const std::uint32_t tokens = request.output_tokens;
    const Duration interval =
        tokens > 1 ? (now - progress.first_token) / (tokens - 1) : Duration{0};
    const bool is_good =
        IsInTime(request, progress) && interval <= input_.admission.level.token_interval_max;
    result_.fates[index] = is_good ? Fate::kGood : Fate::kLost;
    FreeSlot(progress);
    FreeTicket(progress, tokens, request.leaves_midway ? Ending::kAbandoned : Ending::kServed, now);
    if (request.next_turn == LogicalRequest::kNone) return;
    timers_.push(
        {now + RequestOf(request.next_turn).pause, ++serial_, request.next_turn, 0, What::kTurn});
  }

  bool IsInTime(const LogicalRequest& request, const Progress& progress) const {
    return progress.first_token - request.arrival <= input_.admission.level.first_token_max;
  }

  void FreeSlot(Progress& progress) {
    free_slots_.push_back(progress.slot);
    progress.stage = Stage::kAway;
  }

  void FreeTicket(Progress& progress, std::uint32_t tokens, Ending ending, Time now) {
    if (progress.ticket == 0) return;
    by_ticket_.erase(progress.ticket);
    admission_.OnFinish(progress.ticket, tokens, ending, now);
    progress.ticket = 0;
  }

  void RunCapacity(Time now) {
    const auto& steps = input_.capacity->steps;
    while (presence_.lost_capacity && next_step_ < steps.size() && steps[next_step_].time <= now) {
      const CapacityStep& step = steps[next_step_++];
      if (step.time > input_.from) EnterStep(step, now);
    }
    if (next_report_ <= now) Report(now);
  }

  void EnterStep(const CapacityStep& step, Time now) {
    lost_.clear();
    engine_.SetCapacity(step.engine_share, now);
    engine_.SetSequencesMax(Scaled(input_.engine.sequences_max, step.batch_share), now);
    const int total = std::max(step.workers_total, 1);
    const auto up =
        std::llround(static_cast<double>(step.workers_up) * input_.engine.workers / total);
    engine_.SetWorkers(static_cast<int>(std::clamp<long long>(up, 0, input_.engine.workers)), now,
                       &lost_);
    for (const std::uint32_t slot : lost_) {
      const std::uint32_t index = in_engine_[slot];
      FreeSlot(progress_[index]);
      FreeTicket(progress_[index], 0, Ending::kFailed, now);
      Lose(index, LossKind::kFailed, Duration{0}, now);
    }
    Report(now);
  }

  void Report(Time now) {
    const std::uint64_t produced = engine_.OutputTokens(now);
    const double seconds = ToSeconds(now - reported_);
    const auto workers = static_cast<std::uint32_t>(engine_.workers_up());
    admission_.OnEngineReport(
        {.running = engine_.running(),
         .waiting = engine_.waiting(),
         .sequences_max = static_cast<std::uint32_t>(std::max(engine_.sequences_max(), 0)),
         .free_cache_share = engine_.free_cache_share(),
         .workers_up = workers,
         .workers_total = static_cast<std::uint32_t>(input_.engine.workers),
         .tokens_per_s = seconds > 0 ? static_cast<double>(produced - produced_) / seconds : 0},
        now);
    produced_ = produced;
    reported_ = now;
    next_report_ = now + input_.report_interval;
  }

  void RunArrivals(Time now) {
    const auto& requests = input_.requests->requests;
    for (; next_arrival_ < requests.size() && requests[next_arrival_].arrival <= now;
         ++next_arrival_) {
      const auto index = static_cast<std::uint32_t>(next_arrival_);
      const LogicalRequest& request = requests[index];
      if (request.arrival < input_.from) continue;
      const bool hangs = request.previous != LogicalRequest::kNone;
      if (hangs && progress_[request.previous].has_given_up) {
        progress_[index].has_given_up = true;
      } else {
        Come(index, now);
      }
    }
  }

  // For the first time.
  void Come(std::uint32_t index, Time now) {
    const LogicalRequest& request = RequestOf(index);
    if (now >= input_.to || !IsPresent(request, now)) return;
    result_.arrivals[index] = now;
    result_.fates[index] = Fate::kLost;
    Arrive(index, now);
  }

  bool IsPresent(const LogicalRequest& request, Time now) const {
    if (IsHostile(request)) return presence_.hostile;
    return presence_.demand || input_.demand->IsKept(request, now);
  }

  void RunTimers(Time now) {
    while (!timers_.empty() && timers_.top().time <= now) {
      const Timer timer = timers_.top();
      timers_.pop();
      Progress& progress = progress_[timer.request];
      if (timer.number != progress.number) continue;
      if (timer.what == What::kTurn) {
        Come(timer.request, now);
      } else if (timer.what == What::kRetry) {
        ++progress.number;
        Arrive(timer.request, now);
      } else if (progress.stage != Stage::kAway && progress.first_token == Time{}) {
        Leave(timer.request, now);
      }
    }
  }

  void Leave(std::uint32_t index, Time now) {
    Progress& progress = progress_[index];
    if (progress.stage == Stage::kInEngine) {
      engine_.Cancel(progress.slot, now);
      FreeSlot(progress);
    }
    progress.stage = Stage::kAway;
    FreeTicket(progress, 0, Ending::kAbandoned, now);
    Lose(index, LossKind::kAbandoned, Duration{0}, now);
  }

  void Poll(Time now) {
    started_.clear();
    expired_.clear();
    admission_.Poll(now, started_, expired_);
    for (const Admission::Expired& expired : expired_) {
      const auto found = by_ticket_.find(expired.id);
      const std::uint32_t index = found->second;
      by_ticket_.erase(found);
      progress_[index].ticket = 0;
      progress_[index].stage = Stage::kAway;
      Lose(index, LossKind::kRefused, expired.retry_after, now);
    }
    for (const TicketId id : started_) Start(by_ticket_.at(id), now);
  }

  RequestFacts FactsOf(std::uint32_t index, Time now) const {
    const LogicalRequest& request = RequestOf(index);
    const std::uint32_t attempt = request.attempt + progress_[index].number;
    return {.time = now,
            .caller = {.account = request.caller},
            .prompt_tokens = request.prompt_tokens,
            .tokens_max = request.tokens_max,
            .patience = request.patience_said,
            .route = request.route,
            .standing = request.standing,
            .attempt = static_cast<std::uint8_t>(std::min<std::uint32_t>(attempt, 255)),
            .is_batch = request.is_batch,
            .is_regular = request.is_regular};
  }

  void Arrive(std::uint32_t index, Time now) {
    Progress& progress = progress_[index];
    progress.arrival = now;
    progress.first_token = Time{};
    const LogicalRequest& request = RequestOf(index);
    if (request.was_taken() && EdgeRefuses(request, Seen(index))) {
      Lose(index, LossKind::kRefused, Seen(index).retry_after, now);
      return;
    }
    ++result_.attempts;
    const Admission::Offer offer = admission_.Request(FactsOf(index, now), now);
    if (offer.what == Admission::Offer::kRefuse) {
      Lose(index, LossKind::kRefused, offer.retry_after, now);
      return;
    }
    progress.ticket = offer.id;
    by_ticket_.emplace(offer.id, index);
    const Duration patience = Patience(index);
    if (patience < Duration::max() / 4) {
      timers_.push({now + patience, ++serial_, index, progress.number, What::kPatience});
    }
    if (offer.what == Admission::Offer::kStart) {
      Start(index, now);
    } else {
      progress.stage = Stage::kWaiting;
    }
  }

  // The current attempt as it was seen; of those never seen, the last one before.
  const ObservedAttempt& Seen(std::uint32_t index) const {
    const auto attempts = input_.requests->AttemptsOf(RequestOf(index));
    return attempts[std::min<std::size_t>(progress_[index].number, attempts.size() - 1)];
  }

  // A refusal of the edge stays while its cause is there.
  bool EdgeRefuses(const LogicalRequest& request, const ObservedAttempt& seen) const {
    if (seen.ending != Ending::kRefused || !IsByEdge(seen.refusal)) return false;
    if (IsHostile(request)) return true;
    const Time time = seen.arrival;
    const CapacityStep step = input_.capacity->At(time);
    if (seen.refusal == Refusal::kYourRate && step.limits_share < 1) {
      return presence_.lost_capacity;
    }
    if (input_.has_hostile_connections || input_.demand->HostileShare(time) > kHostileShareMin) {
      return presence_.hostile;
    }
    if (input_.demand->KeptShare(time) < 1) return presence_.demand;
    return step.IsNominal() || presence_.lost_capacity;
  }

  Duration Patience(std::uint32_t index) const {
    const LogicalRequest& request = RequestOf(index);
    const std::uint16_t number = progress_[index].number;
    Duration waited{0};
    if (number < request.count) {
      const ObservedAttempt& seen = Seen(index);
      if (LossOf(seen) == LossKind::kAbandoned) return seen.held;
      waited = seen.first_token.count() > 0 ? seen.first_token : seen.held;
    }
    return input_.requests->laws.DrawPatience(request.kind, waited, Mix64(request.draw, 4));
  }

  void Start(std::uint32_t index, Time now) {
    const LogicalRequest& request = RequestOf(index);
    Progress& progress = progress_[index];
    if (free_slots_.empty()) {
      free_slots_.push_back(static_cast<std::uint32_t>(in_engine_.size()));
      in_engine_.push_back(0);
    }
    progress.slot = free_slots_.back();
    if (!engine_.Submit(progress.slot, request.prompt_tokens, request.output_tokens, now)) {
      progress.stage = Stage::kAway;
      FreeTicket(progress, 0, Ending::kFailed, now);
      Lose(index, LossKind::kFailed, Duration{0}, now);
      return;
    }
    free_slots_.pop_back();
    in_engine_[progress.slot] = index;
    progress.stage = Stage::kInEngine;
  }

  // The attempt is lost; its caller comes again, or not.
  void Lose(std::uint32_t index, LossKind loss, Duration told, Time now) {
    const ConductLaws::Return next = Sequel(index, loss, told);
    progress_[index].has_given_up = !next.comes;
    if (!next.comes || next.delay >= input_.to - now) return;
    timers_.push({now + next.delay, ++serial_, index, progress_[index].number, What::kRetry});
  }

  // As it was seen to do after the same kind of loss, else by the law of its kind.
  ConductLaws::Return Sequel(std::uint32_t index, LossKind loss, Duration told) const {
    const LogicalRequest& request = RequestOf(index);
    const ConductLaws& laws = input_.requests->laws;
    const std::uint16_t number = progress_[index].number;
    const auto attempts = input_.requests->AttemptsOf(request);
    if (number < attempts.size()) {
      const ObservedAttempt& seen = attempts[number];
      if (LossOf(seen) == loss && IsHeedable(seen.retry_after) == IsHeedable(told)) {
        if (number + 1U == attempts.size()) return {};
        const Duration delay = attempts[number + 1].arrival - seen.end();
        return {.comes = true, .delay = ConductLaws::Shift(delay, seen.retry_after, told)};
      }
    }
    return laws.DrawReturn(request.kind, loss, request.attempt + number, told,
                           Mix64(request.draw, 16U + number));
  }

  // Of turns that were never taken it depends on the world when they come.
  void LeaveOutUncounted() {
    for (std::size_t index = 0; index < progress_.size(); ++index) {
      const Time arrival = result_.arrivals[index];
      const bool is_counted = arrival >= input_.count_from && arrival < input_.count_to;
      if (!input_.requests->requests[index].was_taken() && !is_counted) {
        result_.fates[index] = Fate::kAbsent;
      }
    }
  }

  void CountUnfinished() {
    for (std::size_t index = 0; index < progress_.size(); ++index) {
      const Progress& progress = progress_[index];
      if (progress.stage != Stage::kInEngine || progress.first_token == Time{}) continue;
      if (IsInTime(input_.requests->requests[index], progress)) result_.fates[index] = Fate::kGood;
    }
  }

  AdmissionOptions WithFewClients() const {
    AdmissionOptions options = input_.admission;
    const std::size_t clients =
        std::bit_ceil(std::max(2 * input_.requests->requests.size(), kClientsMin));
    options.clients_max = std::min(options.clients_max, clients);
    return options;
  }

  const ReplayInput& input_;
  const CausePresence presence_;
  Admission admission_;
  EngineModel engine_;
  std::vector<Progress> progress_;  // By logical request.
  ReplayResult result_;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::unordered_map<TicketId, std::uint32_t> by_ticket_;  // Looked up only.
  std::vector<std::uint32_t> in_engine_;                   // Requests by slot.
  std::vector<std::uint32_t> free_slots_;
  std::vector<EngineModel::Event> events_;
  std::vector<std::uint32_t> lost_;
  std::vector<TicketId> started_;
  std::vector<Admission::Expired> expired_;
  std::size_t next_arrival_ = 0;
  std::size_t next_step_ = 0;
  std::uint64_t serial_ = 0;
  std::uint64_t produced_ = 0;
  Time reported_{};
  Time next_report_{};
};

}  // namespace

ReplayResult Replay(const ReplayInput& input, CausePresence presence) {
  CHECK(input.from <= input.count_from && input.count_from <= input.count_to &&
        input.count_to <= input.to);
  return Run(input, presence).Finish();
}

std::vector<Fate> ObservedFates(const LogicalRequests& requests, const ServiceLevel& level) {
  std::vector<Fate> fates;
  fates.reserve(requests.requests.size());
  for (const LogicalRequest& request : requests.requests) {
    const bool was_lost = WasLost(requests.AttemptsOf(request), level);
    fates.push_back(!request.was_taken() ? Fate::kAbsent : was_lost ? Fate::kLost : Fate::kGood);
  }
  return fates;
}

Losses CountLosses(const ReplayInput& input, std::span<const Fate> fates) {
  Losses losses;
  const auto& requests = input.requests->requests;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const LogicalRequest& request = requests[i];
    const bool is_counted =
        !request.was_taken() || (request.arrival >= input.count_from &&
                                 request.arrival < input.count_to && request.attempt == 0);
    if (!is_counted || fates[i] == Fate::kAbsent || input.is_hostile[request.client] != 0) continue;
    ++losses.requests;
    if (fates[i] != Fate::kLost) continue;
    ++losses.lost;
    losses.tokens += static_cast<double>(request.prompt_tokens) + request.output_tokens;
  }
  return losses;
}

double ReplayLoss(const ReplayInput& input, CausePresence presence) {
  return CountLosses(input, Replay(input, presence).fates).lost;
}

}  // namespace holdfast::verdict
