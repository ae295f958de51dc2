#include "drill/recorder.h"

#include <algorithm>

#include "drill/possible.h"
#include "drill/random_stream.h"

namespace holdfast::drill {
namespace {

using guard::Ending;
using guard::IsGeneration;

constexpr double kOutputWeight = 2;
constexpr double kEstimateTolerance = 0.2;
constexpr double kUnnoticedSeconds = 0.1;

std::size_t Index(CallerKind kind) { return static_cast<std::size_t>(kind); }

// Output tokens that came no later than on a timeline of the service level: the k-th is due at
// first_token_max + k * token_interval_max and came at first_token + k * token_interval.
std::uint64_t TokensInTime(const guard::OutcomeFacts& outcome, const guard::ServiceLevel& level) {
  if (outcome.output_tokens == 0 || outcome.first_token == Duration(0)) return 0;
  const Duration early = level.first_token_max - outcome.first_token;
  const Duration slower = outcome.token_interval - level.token_interval_max;
  if (early >= Duration(0)) {
    if (slower <= Duration(0)) return outcome.output_tokens;
    return std::min<std::uint64_t>(outcome.output_tokens,
                                   static_cast<std::uint64_t>(early / slower) + 1);
  }
  if (slower >= Duration(0)) return 0;
  const auto late = static_cast<std::uint64_t>((-early) / (-slower)) + 1;
  return outcome.output_tokens - std::min<std::uint64_t>(outcome.output_tokens, late);
}

}  // namespace

Recorder::Recorder(const Scenario& scenario)
    : level_(scenario.level),
      warm_up_end_(scenario.warm_up),
      length_(scenario.length),
      capacity_per_s_(scenario.capacity_per_s),
      returns_within_(scenario.returns_within) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(length_).count();
  result_.seconds.resize(static_cast<std::size_t>(seconds) + 1);
}

SecondSample& Recorder::SecondOf(Time time) {
  const auto second = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
  return result_.seconds[std::min(static_cast<std::size_t>(second), result_.seconds.size() - 1)];
}

void Recorder::OnWish(const Wish& wish, CallerKind kind) {
  if (IsHostile(kind) || !IsGeneration(wish.facts.route)) return;
  if (capacity_per_s_ > 0) wishes_.push_back(wish.first_arrival);
  SecondSample& second = SecondOf(wish.first_arrival);
  ++second.honest_wishes;
  second.honest_cost += wish.facts.prompt_tokens + kOutputWeight * wish.output_tokens;
}

void Recorder::OnArrival(CallerKind kind, Time now) {
  ++result_.requests;
  if (IsMeasured(now)) ++result_.kinds[Index(kind)].requests;
  if (IsHostile(kind)) ++SecondOf(now).hostile_requests;
}

void Recorder::OnOutcome(const Wish& wish, CallerKind kind, const guard::OutcomeFacts& outcome) {
  result_.digest =
      Mix(result_.digest, static_cast<std::uint64_t>(outcome.time.time_since_epoch().count()),
          Mix(std::uint64_t{wish.caller} << 32 | wish.logical,
              static_cast<std::uint64_t>(outcome.ending) << 40 |
                  static_cast<std::uint64_t>(outcome.refusal) << 32 | outcome.output_tokens));
  SecondSample& second = SecondOf(outcome.time);
  if (outcome.ending == Ending::kRefused) ++second.refused;
  const bool is_generation = IsGeneration(outcome.route);
  if (is_generation && outcome.ending == Ending::kServed) {
    if (IsHostile(kind)) {
      ++second.hostile_served;
    } else if (wish.is_good) {
      ++second.honest_answers;
    }
  }
  if (is_generation && !IsHostile(kind) && outcome.first_token > Duration(0)) {
    first_tokens_.push_back(static_cast<float>(guard::ToSeconds(outcome.first_token)));
  }
  KindResult& result = result_.kinds[Index(kind)];
  if (is_generation && IsMeasured(outcome.time)) {
    result.output_tokens += outcome.output_tokens;
    if (level_.IsGood(outcome)) ++result.good_answers;
    result.smooth_tokens += TokensInTime(outcome, level_);
  }
  if (!IsMeasured(outcome.arrival)) return;
  if (outcome.ending == Ending::kRefused) {
    ++result.refusals[static_cast<std::size_t>(outcome.refusal)];
  }
  if (!is_generation) return;
  ++result.endings[static_cast<std::size_t>(outcome.ending)];
  if (outcome.first_token > Duration(0)) result.first_token.Add(outcome.first_token);
}

void Recorder::OnLost(const Wish& wish, CallerKind kind) {
  if (IsMeasured(wish.facts.time)) ++result_.kinds[Index(kind)].lost;
}

void Recorder::OnWaited(Duration expected, Duration real, Time now) {
  if (!IsMeasured(now)) return;
  ++result_.waits;
  const double error_s = std::abs(guard::ToSeconds(real - expected));
  const double tolerance_s = kEstimateTolerance * guard::ToSeconds(expected);
  if (error_s <= tolerance_s) ++result_.waits_within_20_percent;
  if (error_s <= std::max(tolerance_s, kUnnoticedSeconds)) {
    ++result_.waits_within_20_percent_or_100ms;
  }
}

void Recorder::OnWaitBroken(Time now) {
  if (IsMeasured(now)) ++result_.waits;
}

void Recorder::OnWishEnd(const Wish& wish, CallerKind kind, Time now) {
  KindResult& result = result_.kinds[Index(kind)];
  const bool is_measured = IsMeasured(wish.first_arrival);
  if (wish.facts.route == guard::Route::kRegister && is_measured) {
    ++result.sign_ups;
    if (wish.is_served) {
      ++result.signed_up;
      result.sign_up_time.Add(now - wish.first_arrival);
    }
  }
  if (wish.facts.route == guard::Route::kLogin && is_measured && !wish.has_wrong_password) {
    ++result.log_ins;
    if (!wish.is_served) ++result.log_ins_failed;
  }
  if (!IsGeneration(wish.facts.route)) return;
  if (!IsHostile(kind)) {
    SecondSample& second = SecondOf(wish.first_arrival);
    if (wish.is_good) ++second.honest_good;
    if (wish.was_blocked) ++second.honest_blocked;
  }
  if (!is_measured) return;
  ++result.wishes;
  if (wish.is_good) ++result.good;
  if (wish.is_served) ++result.served;
  if (wish.was_blocked) ++result.blocked;
}

void Recorder::EndSecond(const SecondSample& state, Time now) {
  SecondSample& second = SecondOf(now - Duration(1));
  second.engine_running = state.engine_running;
  second.engine_waiting = state.engine_waiting;
  second.door_waiting = state.door_waiting;
  second.connections = state.connections;
  second.engine_busy = state.engine_busy;
  second.engine_share = state.engine_share;
  second.is_registration_restricted = state.is_registration_restricted;
  if (!first_tokens_.empty()) {
    std::ranges::sort(first_tokens_);
    second.first_token_p50_s = first_tokens_[first_tokens_.size() / 2];
    second.first_token_p99_s = first_tokens_[first_tokens_.size() * 99 / 100];
    first_tokens_.clear();
  }
  if (IsMeasured(now)) {
    busy_sum_ += state.engine_busy;
    ++busy_seconds_;
  }
}

void Recorder::BoundWhatWasPossible() {
  if (capacity_per_s_ <= 0 || result_.measured_s <= 0) return;
  const auto possible = [&](Duration waits_max) {
    return static_cast<double>(CountPossible(wishes_, {.capacity_per_s = capacity_per_s_,
                                                       .waits_max = waits_max,
                                                       .from = warm_up_end_,
                                                       .to = Time(length_)})) /
           result_.measured_s;
  };
  result_.possible_goodput_per_s = possible(level_.first_token_max + returns_within_);
  result_.possible_wishes_per_s = possible(level_.first_token_max);
}

SimulationResult Recorder::Finish(std::uint64_t events) {
  result_.events = events;
  result_.measured_s = guard::ToSeconds(length_) - guard::ToSeconds(warm_up_end_);
  result_.engine_busy_share =
      busy_seconds_ == 0 ? 0 : busy_sum_ / static_cast<double>(busy_seconds_);
  BoundWhatWasPossible();
  return std::move(result_);
}

}  // namespace holdfast::drill
