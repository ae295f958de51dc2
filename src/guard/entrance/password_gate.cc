#include "guard/entrance/password_gate.h"

#include <algorithm>

#include "base/check.h"
#include "base/mix.h"

namespace holdfast::guard {
namespace {

constexpr double kCheckMemory = 0.05;  // Weight of the newest in the mean time of a check.
constexpr Duration kRetryMin = std::chrono::seconds(1);

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

std::uint32_t SecondOf(Time time) {
  return static_cast<std::uint32_t>(
             std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count()) +
         1;
}

bool IsWithin(std::uint32_t second, Duration span, Time now) {
  return second != 0 && now < Time(std::chrono::seconds(second)) + span;
}

}  // namespace

PasswordGate::PasswordGate(const PasswordGateOptions& options, std::uint64_t seed)
    : options_(options),
      places_(options.places_max, Mix64(seed, 1)),
      failures_(options.accounts_max, options.failures_half_life, Mix64(seed, 2)),
      device_failures_(options.devices_max, options.failures_half_life, Mix64(seed, 4)),
      tries_(options.tries),
      trying_addresses_(options.address_cells, Mix64(seed, 3)),
      tried_(options.pairs_max, Mix64(seed, 5)),
      turned_away_(options.pairs_max, Mix64(seed, 6)),
      check_s_(options.check_s) {
  CHECK(options.checks_max >= 1 && options.failures_max >= 1);
}

PasswordGate::Offer PasswordGate::Request(std::uint32_t id, const RequestFacts& facts, Time now) {
  const Lane lane = LaneOf(facts, now);
  if (IsDear(facts, lane, now)) return {Offer::kRefuse, Refusal::kChallengeRequired};
  if (checked_.size() < options_.checks_max && waiting() == 0) {
    checked_.push_back({id, now});
    return {Offer::kStart};
  }
  if (lane != kFamiliar) {
    if (waiting() - lanes_[kFamiliar].size() >= options_.pressure_waiting) {
      pressed_until_ = now + options_.pressure_hold;
    }
    const bool may_be_asked = lane != kSignUp && !facts.paid_challenge && !facts.has_invitation;
    if (may_be_asked && is_pressed(now)) return {Offer::kRefuse, Refusal::kChallengeRequired};
  }
  const std::uint64_t pair = AtAddress(facts.caller);
  if (lanes_[lane].size() >= LimitOf(lane)) {
    turned_away_.Touch(pair) = SecondOf(now);
    return {Offer::kRefuse, Refusal::kQueueFull, std::max(WaitOf(lane), kRetryMin)};
  }
  const Duration wait_max =
      lane == kFamiliar ? options_.familiar_wait_max : options_.others_wait_max;
  lanes_[lane].push_back({id, now + wait_max, pair});
  return {Offer::kWait};
}

void PasswordGate::Poll(Time now, std::vector<std::uint32_t>& started,
                        std::vector<Expired>& refused, std::vector<std::uint32_t>& lost) {
  GiveUpLost(now, lost);
  for (int lane = 0; lane < kLaneCount; ++lane) {
    std::deque<Waiting>& queue = lanes_[static_cast<std::size_t>(lane)];
    while (!queue.empty() && queue.front().deadline <= now) {
      refused.push_back({queue.front().id, std::max(WaitOf(static_cast<Lane>(lane)), kRetryMin)});
      turned_away_.Touch(queue.front().pair) = SecondOf(now);
      queue.pop_front();
    }
  }
  while (checked_.size() < options_.checks_max) {
    const Lane lane = NextLane();
    if (lane == kLaneCount) return;
    const std::uint32_t id = lanes_[lane].front().id;
    lanes_[lane].pop_front();
    checked_.push_back({id, now});
    started.push_back(id);
  }
}

PasswordGate::Lane PasswordGate::NextLane() {
  const auto first_of = [&](std::initializer_list<Lane> lanes) {
    const auto* const found =
        std::ranges::find_if(lanes, [&](Lane lane) { return !lanes_[lane].empty(); });
    return found == lanes.end() ? kLaneCount : *found;
  };
  if (!lanes_[kFamiliar].empty()) return kFamiliar;
  const Lane log_in = first_of({kExpected, kVouched});
  const Lane sign_up = first_of({kSignUp});
  if (log_in == kLaneCount && sign_up == kLaneCount) return first_of({kStranger, kSuspect});
  if (log_in != kLaneCount && sign_up != kLaneCount) is_sign_ups_turn_ = !is_sign_ups_turn_;
  const bool takes_sign_up = log_in == kLaneCount || (sign_up != kLaneCount && is_sign_ups_turn_);
  return takes_sign_up ? sign_up : log_in;
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
  if (!is_right) {
    // Whoever tries this account again here is charged again.
    const std::uint64_t pair = AtAddress(caller);
    if (tried_.Find(pair) != 0) tried_.Touch(pair) = 0;
    if (turned_away_.Find(pair) != 0) turned_away_.Touch(pair) = 0;
    failures_.Add(caller.account, now);
    if (caller.device != 0) device_failures_.Add(caller.device, now);
    return;
  }
  failures_.Forget(caller.account);
  if (caller.device != 0) device_failures_.Forget(caller.device);
  const bool was_charged = !IsFamiliar(caller, now);
  if (was_charged) {
    Time& tat = trying_addresses_.Find(caller.address | 1, now);
    tat -= tries_.interval();
  }
  Remember(caller, now);
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
  const bool has_device = caller.device != 0 &&
                          device_failures_.Find(caller.device, now) < options_.device_failures_max;
  return has_device || (caller.address != 0 && WasSeen(AtAddress(caller), now)) ||
         (caller.prefix != 0 && WasSeen(AtPrefix(caller), now));
}

PasswordGate::Lane PasswordGate::LaneOf(const RequestFacts& facts, Time now) {
  if (facts.route != Route::kLogin) return kSignUp;
  if (IsFamiliar(facts.caller, now)) return kFamiliar;
  if (facts.has_invitation) return kVouched;
  if (IsSuspect(facts, now)) return kSuspect;
  const bool has_browser = facts.caller.fingerprint != 0 && WasSeen(WithBrowser(facts.caller), now);
  if (has_browser && !is_pressed(now)) return kExpected;
  const std::uint32_t turned_away = turned_away_.Find(AtAddress(facts.caller));
  const bool returns = IsWithin(turned_away, options_.returns_within, now);
  if (returns && facts.paid_challenge) return kExpected;
  return facts.paid_challenge ? kVouched : kStranger;
}

// Charged when it asks and given back for a right password, since what is refused or waits is not
// known to be wrong. Coming again for the same account is one try.
bool PasswordGate::IsSuspect(const RequestFacts& facts, Time now) {
  const std::uint64_t pair = AtAddress(facts.caller);
  if (IsWithin(tried_.Find(pair), options_.tries_for, now)) return false;
  Time& tat = trying_addresses_.Find(facts.caller.address | 1, now);
  if (tries_.Wait(tat, now) > Duration(0)) return true;
  tat = tries_.Charge(tat, now);
  tried_.Touch(pair) = SecondOf(now);
  return false;
}

bool PasswordGate::IsDear(const RequestFacts& facts, Lane lane, Time now) const {
  const bool has_vouched = facts.paid_challenge || facts.has_invitation;
  if (facts.route != Route::kLogin || has_vouched) return false;
  const std::uint32_t limit = lane == kFamiliar ? 2 * options_.failures_max : options_.failures_max;
  return failures_.Find(facts.caller.account, now) >= limit;
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
  failures_.Save(writer, part);
  device_failures_.Save(writer, part);
}

void PasswordGate::Load(StateReader& reader, const StatePart& part) {
  if (part.is_first()) check_s_ = reader.TakeDouble(0, ToSeconds(options_.check_max));
  places_.Load(reader, part);
  failures_.Load(reader, part);
  device_failures_.Load(reader, part);
}

std::size_t PasswordGate::state_bytes() const {
  return sizeof(*this) + places_.state_bytes() + failures_.state_bytes() +
         device_failures_.state_bytes() + trying_addresses_.state_bytes() + tried_.state_bytes() +
         turned_away_.state_bytes();
}

}  // namespace holdfast::guard
