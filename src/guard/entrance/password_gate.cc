#include "guard/entrance/password_gate.h"

#include <algorithm>

#include "base/check.h"
#include "base/mix.h"

namespace holdfast::guard {
namespace {

constexpr double kCheckMemory = 0.05;  // Weight of the newest in the mean time of a check.
constexpr Duration kRetryMin = std::chrono::seconds(1);
// Waiting does not help; only so that nobody comes again at once.
constexpr Duration kRetryLocked = std::chrono::hours(1);

// Names of what an account was used with.
std::uint64_t AtAddress(const Caller& caller) {
  return Mix64(Mix64(caller.account, 1), caller.address);
}
std::uint64_t AtPrefix(const Caller& caller) {
  return Mix64(Mix64(caller.account, 2), caller.prefix);
}
std::uint64_t WithBrowser(const Caller& caller) {
  return Mix64(Mix64(caller.account, 3), caller.fingerprint);
}

std::uint32_t MinuteOf(Time time) {
  const auto minutes = std::chrono::floor<std::chrono::minutes>(time.time_since_epoch()).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(minutes, 0, 1'000'000'000)) + 1;
}

}  // namespace

PasswordGate::PasswordGate(const PasswordGateOptions& options, std::uint64_t seed)
    : options_(options),
      places_(options.places_max, Mix64(seed, 1)),
      failures_in_row_(options.accounts_max, Mix64(seed, 2)),
      failures_(options.failures),
      failed_addresses_(options.address_cells, Mix64(seed, 3)),
      check_s_(options.check_s) {
  CHECK(options.checks_max >= 1 && options.familiar_failures < options.failures_in_row_max);
}

PasswordGate::Offer PasswordGate::Request(std::uint32_t id, const RequestFacts& facts, Time now) {
  const Lane lane = LaneOf(facts, now);
  if (IsLocked(facts, lane)) return {Offer::kRefuse, Refusal::kYourRate, kRetryLocked};
  if (checked_.size() < options_.checks_max && waiting() == 0) {
    checked_.push_back({id, now});
    return {Offer::kStart};
  }
  if (lane != kFamiliar) {
    if (waiting() - lanes_[kFamiliar].size() >= options_.pressure_waiting) {
      pressed_until_ = now + options_.pressure_hold;
    }
    if (lane > kVouched && !facts.paid_challenge && is_pressed(now)) {
      return {Offer::kRefuse, Refusal::kChallengeRequired};
    }
  }
  if (lanes_[lane].size() >= LimitOf(lane)) {
    return {Offer::kRefuse, Refusal::kQueueFull, std::max(WaitOf(lane), kRetryMin)};
  }
  const Duration wait_max =
      lane == kFamiliar ? options_.familiar_wait_max : options_.others_wait_max;
  lanes_[lane].push_back({id, now + wait_max});
  return {Offer::kWait};
}

void PasswordGate::Poll(Time now, std::vector<std::uint32_t>& started,
                        std::vector<Expired>& refused, std::vector<std::uint32_t>& lost) {
  GiveUpLost(now, lost);
  for (int lane = 0; lane < kLaneCount; ++lane) {
    std::deque<Waiting>& queue = lanes_[static_cast<std::size_t>(lane)];
    while (!queue.empty() && queue.front().deadline <= now) {
      refused.push_back({queue.front().id, std::max(WaitOf(static_cast<Lane>(lane)), kRetryMin)});
      queue.pop_front();
    }
    while (!queue.empty() && checked_.size() < options_.checks_max) {
      checked_.push_back({queue.front().id, now});
      started.push_back(queue.front().id);
      queue.pop_front();
    }
  }
}

void PasswordGate::GiveUpLost(Time now, std::vector<std::uint32_t>& lost) {
  std::erase_if(checked_, [&](const Checked& checked) {
    const bool is_lost = now - checked.started >= options_.check_max;
    if (is_lost) lost.push_back(checked.id);
    return is_lost;
  });
}

Time PasswordGate::NextTime() const {
  Time next = Time::max();
  for (const Checked& checked : checked_) {
    next = std::min(next, checked.started + options_.check_max);
  }
  for (const std::deque<Waiting>& queue : lanes_) {
    if (!queue.empty()) next = std::min(next, queue.front().deadline);
  }
  return next;
}

void PasswordGate::OnEnd(std::uint32_t id, const OutcomeFacts& outcome) {
  const auto checked = std::ranges::find(checked_, id, &Checked::id);
  if (checked == checked_.end()) {
    for (std::deque<Waiting>& queue : lanes_) {
      std::erase_if(queue, [&](const Waiting& waiting) { return waiting.id == id; });
    }
    return;
  }
  const Time started = checked->started;
  checked_.erase(checked);
  if (outcome.ending != Ending::kServed) return;
  check_s_ += kCheckMemory * (ToSeconds(outcome.time - started) - check_s_);
  if (outcome.route == Route::kLogin) Learn(outcome.caller, !outcome.failed_login, outcome.time);
}

void PasswordGate::Learn(const Caller& caller, bool is_right, Time now) {
  if (is_right) {
    if (failures_in_row_.Find(caller.account) != 0) failures_in_row_.Touch(caller.account) = 0;
    Remember(caller, now);
    return;
  }
  std::uint32_t& in_row = failures_in_row_.Touch(caller.account);
  in_row = std::min(in_row + 1, options_.failures_in_row_max);
  Time& tat = failed_addresses_.Find(caller.address | 1, now);
  if (failures_.Wait(tat, now) == Duration(0)) tat = failures_.Charge(tat, now);
}

void PasswordGate::Remember(const Caller& caller, Time now) {
  if (caller.account == 0) return;
  const std::uint32_t minute = MinuteOf(now);
  if (caller.address != 0) places_.Touch(AtAddress(caller)) = minute;
  if (caller.prefix != 0) places_.Touch(AtPrefix(caller)) = minute;
  if (caller.fingerprint != 0) places_.Touch(WithBrowser(caller)) = minute;
}

bool PasswordGate::WasSeen(std::uint64_t place, Time now) const {
  const std::uint32_t last = places_.Find(place);
  return last != 0 && now < Time(std::chrono::minutes(last)) + options_.familiar_for;
}

bool PasswordGate::IsFamiliar(const Caller& caller, Time now) const {
  return (caller.address != 0 && WasSeen(AtAddress(caller), now)) ||
         (caller.prefix != 0 && WasSeen(AtPrefix(caller), now));
}

PasswordGate::Lane PasswordGate::LaneOf(const RequestFacts& facts, Time now) {
  if (facts.route != Route::kLogin) return kExpected;
  if (IsFamiliar(facts.caller, now)) return kFamiliar;
  if (facts.has_invitation) return kVouched;
  const Time tat = failed_addresses_.Find(facts.caller.address | 1, now);
  if (failures_.Wait(tat, now) > Duration(0)) return kSuspect;
  if (facts.caller.fingerprint != 0 && WasSeen(WithBrowser(facts.caller), now)) return kExpected;
  return facts.paid_challenge ? kVouched : kStranger;
}

bool PasswordGate::IsLocked(const RequestFacts& facts, Lane lane) const {
  if (facts.route != Route::kLogin || facts.has_invitation) return false;
  const std::uint32_t kept = lane == kFamiliar ? 0 : options_.familiar_failures;
  return failures_in_row_.Find(facts.caller.account) >= options_.failures_in_row_max - kept;
}

Duration PasswordGate::WaitOf(Lane lane) const {
  std::size_t ahead = checked_.size();
  for (int i = 0; i <= lane; ++i) ahead += lanes_[static_cast<std::size_t>(i)].size();
  return FromSeconds(static_cast<double>(ahead) * check_s_ /
                     static_cast<double>(options_.checks_max));
}

std::size_t PasswordGate::LimitOf(Lane lane) const {
  return lane == kFamiliar ? options_.familiar_max : options_.others_max;
}

std::size_t PasswordGate::waiting() const {
  std::size_t count = 0;
  for (const std::deque<Waiting>& queue : lanes_) count += queue.size();
  return count;
}

void PasswordGate::Save(StateWriter& writer, const StatePart& part) const {
  if (part.is_first()) writer.Put(check_s_);
  places_.Save(writer, part);
  failures_in_row_.Save(writer, part);
}

void PasswordGate::Load(StateReader& reader, const StatePart& part) {
  if (part.is_first()) check_s_ = reader.TakeDouble(0, ToSeconds(options_.check_max));
  places_.Load(reader, part);
  failures_in_row_.Load(reader, part);
}

std::size_t PasswordGate::state_bytes() const {
  return sizeof(*this) + places_.state_bytes() + failures_in_row_.state_bytes() +
         failed_addresses_.state_bytes();
}

}  // namespace holdfast::guard
