#include "guard/entrance/registration.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace holdfast::guard {
namespace {

constexpr Duration kRateMemory = std::chrono::seconds(5);
constexpr std::size_t kChangesMax = 256;

// A sign-up whose evidence exceeds this counts towards the surge of machine-like ones.
constexpr double kMachineLike = 3;
// The surplus is never taken for less than a tenth of the ordinary rate.
constexpr double kSurplusMin = 0.1;

// Log-likelihood ratios of "fake", from assumed shares among people and among sign-up programs.
struct FormEvidence {
  Duration below;
  double llr;
};
constexpr double kFormNeverLoaded = 5;  // 0.5 % of people (lost cookies), 75 % of programs.
constexpr FormEvidence kFormTime[] = {
    {std::chrono::milliseconds(1000), 4},  // 0.3 % of people.
    {std::chrono::milliseconds(2500), 2},  // 3 % of people: a password manager fills it in.
    {Duration::max(), -1.5},
};
constexpr double kDisposableMail = 2.8;  // 3 % of people, 50 % of programs.
constexpr double kOrdinaryMail = -0.66;
// Less than a person's form time and mail leave to an invitation: a fingerprint alone asks for
// none.
constexpr double kLockStepMax = 3.5;
constexpr double kPaid = -0.7;     // Most people pay, half of the programs; and no second thoughts.
constexpr double kInvited = -3.4;  // 60 % of people confirm a mail, 2 % of programs read theirs.

double FormLlr(Duration form_time) {
  if (form_time < Duration(0)) return 0;
  if (form_time == Duration(0)) return kFormNeverLoaded;
  for (const FormEvidence& step : kFormTime) {
    if (form_time < step.below) return step.llr;
  }
  return 0;
}

}  // namespace

Refusal SignUpDecision::refusal() const {
  switch (answer) {
    case SignUpAnswer::kOpen:
      return Refusal::kNone;
    case SignUpAnswer::kChallenge:
      return Refusal::kChallengeRequired;
    case SignUpAnswer::kNeedsInvitation:
    case SignUpAnswer::kPaused:
      break;
  }
  return Refusal::kRegistrationPaused;
}

RegistrationPolicy::RegistrationPolicy(const RegistrationOptions& options)
    : options_(options),
      all_(options.surge, options.surge_threshold),
      suspects_(options.surge, options.surge_threshold),
      lock_step_{LockStep(options.lock_step), LockStep(options.lock_step),
                 LockStep(options.lock_step)},
      difficulty_(options.challenge),
      capacity_(options.capacity),
      suspect_capacity_(options.suspect_capacity),
      learned_(options.baseline_min),
      hold_(options.hold_min),
      changes_(kChangesMax) {
  CHECK(options.baseline_min > 0 && options.baseline_min <= options.baseline_max);
}

SignUpDecision RegistrationPolicy::OnSignUp(const RequestFacts& facts, Time now) {
  CHECK(facts.route == Route::kRegister);
  Advance(now);
  const double conduct = Conduct(facts);
  const bool comes_again = facts.paid_challenge || facts.has_invitation;
  if (!comes_again) Count(facts, conduct);
  Switch(now);
  if (!is_restricted_) return LetIn(facts, 0, now);
  return Judge(facts, conduct, now);
}

void RegistrationPolicy::Advance(Time now) {
  if (time_ == Time::min()) time_ = now;
  const double passed_s = ToSeconds(now - time_);
  time_ = now;
  recent_ *= std::exp(-passed_s / ToSeconds(kRateMemory));
  if (!is_restricted_) learned_ *= std::exp(-passed_s / ToSeconds(options_.baseline_memory));
  all_.Advance(baseline(), now);
  suspects_.Advance(baseline() * options_.suspect_share, now);
  for (LockStep& kind : lock_step_) kind.Advance(baseline(), now);
  Switch(now);
}

double RegistrationPolicy::rate() const { return recent_ / ToSeconds(kRateMemory); }

double RegistrationPolicy::baseline() const {
  return std::clamp(learned_, options_.baseline_min, options_.baseline_max);
}

double RegistrationPolicy::Conduct(const RequestFacts& facts) const {
  const double together[] = {lock_step_[kFingerprint].Evidence(facts.caller.fingerprint),
                             lock_step_[kForm].Evidence(facts.payload),
                             lock_step_[kPrefix].Evidence(facts.caller.prefix)};
  // They tell of the same thing, so only the strongest counts.
  const double lock_step =
      *std::max_element(std::begin(together), std::end(together),
                        [](double a, double b) { return std::abs(a) < std::abs(b); });
  return FormLlr(facts.form_time) + (facts.has_disposable_mail ? kDisposableMail : kOrdinaryMail) +
         std::min(lock_step, kLockStepMax);
}

double RegistrationPolicy::PriorOdds() const {
  const double surplus = rate() / baseline() - 1;
  return std::min(options_.surplus_max, std::log(std::max(surplus, kSurplusMin)));
}

void RegistrationPolicy::Count(const RequestFacts& facts, double conduct) {
  recent_ += 1;
  all_.AddEvent();
  if (conduct > kMachineLike) suspects_.AddEvent();
  if (!is_restricted_) learned_ += 1 / ToSeconds(options_.baseline_memory);
  const bool is_ordinary = !is_restricted_ && conduct <= kMachineLike;
  lock_step_[kFingerprint].Add(facts.caller.fingerprint, is_ordinary);
  lock_step_[kForm].Add(facts.payload, is_ordinary);
  lock_step_[kPrefix].Add(facts.caller.prefix, is_ordinary);
}

void RegistrationPolicy::Switch(Time now) {
  const bool is_surging = all_.is_on() || suspects_.is_on();
  if (is_surging == is_restricted_) return;
  if (is_surging) {
    const bool is_soon = lifted_at_ != Time::min() && now - lifted_at_ < options_.hold_memory;
    hold_ = is_soon ? std::min(2 * hold_, options_.hold_max) : options_.hold_min;
    held_until_ = now + hold_;
    difficulty_ = ChallengeDifficulty(options_.challenge);
  } else {
    if (now < held_until_) return;
    lifted_at_ = now;
  }
  is_restricted_ = is_surging;
  changes_.Add({.time = now,
                .is_restricted = is_restricted_,
                .by_rate = all_.is_on(),
                .rate = rate(),
                .baseline = baseline()});
}

SignUpDecision RegistrationPolicy::Judge(const RequestFacts& facts, double conduct, Time now) {
  const double log_odds = PriorOdds() + conduct;
  if (facts.has_invitation) return LetIn(facts, log_odds, now);
  if (log_odds + (facts.paid_challenge ? kPaid : 0) >= options_.invitation_odds) {
    return {.answer = SignUpAnswer::kNeedsInvitation,
            .retry_after = std::max(held_until_ - now, options_.hold_min),
            .log_odds = log_odds};
  }
  if (facts.paid_challenge) return LetIn(facts, log_odds, now);
  difficulty_.Update(rate() / baseline(), now);
  const bool is_suspect = log_odds >= options_.suspect_odds;
  return {.answer = SignUpAnswer::kChallenge,
          .challenge_bits = is_suspect ? difficulty_.suspect_bits() : difficulty_.bits(),
          .log_odds = log_odds};
}

SignUpDecision RegistrationPolicy::LetIn(const RequestFacts& facts, double log_odds, Time now) {
  const double odds = log_odds + (facts.has_invitation ? kInvited : 0);
  const bool is_suspect = odds >= options_.suspect_odds;
  const Gcra& capacity = is_suspect ? suspect_capacity_ : capacity_;
  Time& tat = is_suspect ? suspect_tat_ : facts.has_invitation ? invited_tat_ : tat_;
  const Duration wait = capacity.Wait(tat, now);
  if (wait > Duration(0)) {
    return {.answer = SignUpAnswer::kPaused, .retry_after = wait, .log_odds = log_odds};
  }
  tat = capacity.Charge(tat, now);
  return {.log_odds = log_odds};
}

std::size_t RegistrationPolicy::state_bytes() const {
  std::size_t bytes = sizeof(*this) + changes_.state_bytes();
  for (const LockStep& kind : lock_step_) bytes += kind.state_bytes();
  return bytes;
}

}  // namespace holdfast::guard
