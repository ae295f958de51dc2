#include "guard/entrance/registration.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace holdfast::guard {
namespace {

constexpr Duration kRateMemory = std::chrono::seconds(5);
// Whoever was asked to pay or to confirm comes again within about so long.
constexpr Duration kAskedMemory = std::chrono::minutes(2);
// A rung that had to be climbed to again within so long is held longer.
constexpr Duration kClimbMemory = std::chrono::minutes(10);
constexpr std::size_t kChangesMax = 256;

// A sign-up whose evidence exceeds this counts towards the surge of machine-like ones.
constexpr double kMachineLike = 3;
// The surplus is never taken for less than a tenth of the ordinary rate.
constexpr double kSurplusMin = 0.1;
// Less than what the surplus leaves to an invitation: a fingerprint alone asks for none.
constexpr double kLockStepMax = 3.5;
// Nobody is cleared further by a kind of form time or mail: a program can mix some in.
constexpr double kClearedMin = -1;
// Odds move while somebody solves: what was asked for is enough if they have not moved by more.
constexpr double kSecondThoughts = 0.7;

// Kinds of times that a form took; 0: not known. A person who fills one in takes seconds, a
// password manager one or two, a program none.
std::uint64_t FormTimeKind(Duration form_time) {
  if (form_time < Duration(0)) return 0;
  if (form_time == Duration(0)) return 1;
  if (form_time < std::chrono::milliseconds(1000)) return 2;
  return form_time < std::chrono::milliseconds(2500) ? 3 : 4;
}

constexpr std::array<std::string_view, kSignUpRungCount> kRungWords = {"open", "challenge", "mail",
                                                                       "invitation", "closed"};

}  // namespace

std::string_view SignUpRungWord(SignUpRung rung) {
  return kRungWords[static_cast<std::size_t>(rung)];
}

Refusal SignUpDecision::refusal() const {
  switch (answer) {
    case SignUpAnswer::kOpen:
      return Refusal::kNone;
    case SignUpAnswer::kChallenge:
      return Refusal::kChallengeRequired;
    case SignUpAnswer::kNeedsMail:
    case SignUpAnswer::kNeedsInvitation:
    case SignUpAnswer::kClosed:
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
                 LockStep(options.lock_step), LockStep(options.lock_step),
                 LockStep(options.lock_step)},
      difficulty_(options.challenge),
      capacity_(options.capacity),
      suspect_capacity_(options.suspect_capacity),
      learned_(options.baseline_min),
      rung_hold_(options.rung_hold),
      hold_(options.hold_min),
      changes_(kChangesMax) {
  CHECK(options.baseline_min > 0 && options.baseline_min <= options.baseline_max);
}

SignUpDecision RegistrationPolicy::OnSignUp(const RequestFacts& facts, Time now) {
  CHECK(facts.route == Route::kRegister);
  Advance(now);
  const Names names = NamesOf(facts);
  const double conduct = Conduct(names);
  if (!ComesAgain(facts)) Count(names, conduct);
  Move(now);
  if (!is_restricted()) return LetIn(facts, conduct, 0, now);
  return Judge(facts, conduct, now);
}

void RegistrationPolicy::Advance(Time now) {
  if (time_ == Time::min()) time_ = now;
  const double passed_s = ToSeconds(now - time_);
  time_ = now;
  const double kept = std::exp(-passed_s / ToSeconds(kRateMemory));
  recent_ *= kept;
  met_ *= kept;
  asked_ *= std::exp(-passed_s / ToSeconds(kAskedMemory));
  if (!is_restricted()) learned_ *= std::exp(-passed_s / ToSeconds(options_.baseline_memory));
  all_.Advance(baseline(), now);
  suspects_.Advance(baseline() * options_.suspect_share, now);
  for (LockStep& kind : lock_step_) kind.Advance(baseline(), now);
  Move(now);
}

double RegistrationPolicy::rate() const { return recent_ / ToSeconds(kRateMemory); }

double RegistrationPolicy::baseline() const {
  return std::clamp(learned_, options_.baseline_min, options_.baseline_max);
}

RegistrationPolicy::Names RegistrationPolicy::NamesOf(const RequestFacts& facts) {
  Names names{};
  names[kFingerprint] = facts.caller.fingerprint;
  names[kForm] = facts.payload;
  names[kPrefix] = facts.caller.prefix;
  names[kFormTime] = FormTimeKind(facts.form_time);
  names[kMailKind] = facts.has_disposable_mail ? 2 : 1;
  return names;
}

double RegistrationPolicy::Conduct(const Names& names) const {
  const auto evidence = [&](Kind kind) { return lock_step_[kind].Evidence(names[kind]); };
  const std::array<double, 3> together = {evidence(kFingerprint), evidence(kForm),
                                          evidence(kPrefix)};
  // They tell of the same thing, so only the strongest counts.
  const double lock_step =
      *std::ranges::max_element(together, {}, [](double one) { return std::abs(one); });
  return std::max(kClearedMin, evidence(kFormTime)) + std::max(kClearedMin, evidence(kMailKind)) +
         std::min(lock_step, kLockStepMax);
}

double RegistrationPolicy::PriorOdds() const {
  const double surplus = rate() / baseline() - 1;
  return std::min(options_.surplus_max, std::log(std::max(surplus, kSurplusMin)));
}

// Whoever has paid without having been asked is new here: a program that solves in advance must not
// go uncounted.
bool RegistrationPolicy::ComesAgain(const RequestFacts& facts) {
  if ((!facts.paid_challenge && !facts.has_invitation) || asked_ < 1) return false;
  asked_ -= 1;
  return true;
}

void RegistrationPolicy::Count(const Names& names, double conduct) {
  recent_ += 1;
  all_.AddEvent();
  if (conduct > kMachineLike) suspects_.AddEvent();
  if (!is_restricted()) learned_ += 1 / ToSeconds(options_.baseline_memory);
  const bool is_ordinary = !is_restricted() && conduct <= kMachineLike;
  for (int kind = 0; kind < kKindCount; ++kind) lock_step_[kind].Add(names[kind], is_ordinary);
}

void RegistrationPolicy::Move(Time now) {
  const bool is_surging = all_.is_on() || suspects_.is_on();
  if (is_surging && is_restricted()) held_until_ = now + hold_;
  if (!is_restricted()) {
    if (!is_surging) return;
    const bool is_soon = lifted_at_ != Time::min() && now - lifted_at_ < options_.hold_memory;
    hold_ = is_soon ? std::min(2 * hold_, options_.hold_max) : options_.hold_min;
    difficulty_ = ChallengeDifficulty(options_.challenge);
    held_until_ = now + hold_;
    Go(SignUpRung::kChallenge, now);
    return;
  }
  if (is_surging) {
    Climb(now);
    return;
  }
  if (now < held_until_ || now - rung_since_ < options_.descend_every) return;
  if (Previous(rung_) == SignUpRung::kOpen) lifted_at_ = now;
  Go(Previous(rung_), now);
}

void RegistrationPolicy::Climb(Time now) {
  const bool is_full = met_ / ToSeconds(kRateMemory) > options_.capacity.rate;
  if (!is_full) full_since_ = Time::max();
  if (is_full && full_since_ == Time::max()) full_since_ = now;
  const SignUpRung next = Next(rung_);
  if (next != rung_ && is_full && now - full_since_ >= ClimbAfter(next)) {
    const bool is_again = climbed_at_ != Time::min() && now - climbed_at_ < kClimbMemory;
    rung_hold_ = is_again ? std::min(2 * rung_hold_, options_.rung_hold_max) : options_.rung_hold;
    climbed_at_ = now;
    Go(next, now);
    return;
  }
  const bool is_tried = rung_ > SignUpRung::kChallenge && !is_full;
  if (is_tried && now - rung_since_ >= rung_hold_) Go(Previous(rung_), now);
}

void RegistrationPolicy::Go(SignUpRung to, Time now) {
  changes_.Add({.time = now,
                .from = rung_,
                .to = to,
                .by_rate = all_.is_on(),
                .rate = rate(),
                .baseline = baseline()});
  rung_ = to;
  rung_since_ = now;
  full_since_ = Time::max();
  met_ = 0;
}

SignUpRung RegistrationPolicy::Next(SignUpRung rung) const {
  if (rung == SignUpRung::kClosed) return rung;
  const auto next = static_cast<SignUpRung>(static_cast<int>(rung) + 1);
  return next == SignUpRung::kMail && !options_.has_mail ? SignUpRung::kInvitation : next;
}

SignUpRung RegistrationPolicy::Previous(SignUpRung rung) const {
  if (rung == SignUpRung::kOpen) return rung;
  const auto previous = static_cast<SignUpRung>(static_cast<int>(rung) - 1);
  return previous == SignUpRung::kMail && !options_.has_mail ? SignUpRung::kChallenge : previous;
}

Duration RegistrationPolicy::ClimbAfter(SignUpRung to) const {
  if (to == SignUpRung::kMail) return options_.mail_after;
  return to == SignUpRung::kInvitation ? options_.invitation_after : options_.closed_after;
}

SignUpDecision RegistrationPolicy::Judge(const RequestFacts& facts, double conduct, Time now) {
  const double log_odds = PriorOdds() + conduct;
  if (rung_ == SignUpRung::kClosed) {
    if (facts.has_invitation) met_ += 1;
    return Ask(SignUpAnswer::kClosed, log_odds, now);
  }
  if (facts.has_invitation) return LetIn(facts, conduct, log_odds, now);
  if (rung_ == SignUpRung::kInvitation) return Ask(SignUpAnswer::kNeedsInvitation, log_odds, now);
  const double odds = log_odds - (facts.paid_challenge ? kSecondThoughts : 0);
  const bool is_doubted = odds >= options_.invitation_odds;
  if (is_doubted && !options_.has_mail) {
    return Ask(SignUpAnswer::kNeedsInvitation, log_odds, now);
  }
  const bool needs_mail = is_doubted || rung_ == SignUpRung::kMail;
  if (needs_mail && !facts.gives_mail) return Ask(SignUpAnswer::kNeedsMail, log_odds, now);
  if (facts.paid_challenge) return LetIn(facts, conduct, log_odds, now);
  return Ask(SignUpAnswer::kChallenge, log_odds, now);
}

SignUpDecision RegistrationPolicy::Ask(SignUpAnswer answer, double log_odds, Time now) {
  SignUpDecision decision{.answer = answer, .log_odds = log_odds};
  asked_ += 1;
  if (answer != SignUpAnswer::kChallenge) {
    decision.retry_after = std::max(held_until_ - now, options_.hold_min);
    return decision;
  }
  difficulty_.Update(rate() / baseline(), now);
  const bool is_suspect = log_odds >= options_.suspect_odds;
  decision.challenge_bits = is_suspect ? difficulty_.suspect_bits() : difficulty_.bits();
  return decision;
}

SignUpDecision RegistrationPolicy::LetIn(const RequestFacts& facts, double conduct, double log_odds,
                                         Time now) {
  const bool is_machine_like = conduct > kMachineLike;
  const bool is_invited = facts.has_invitation;
  const bool is_suspect =
      is_restricted() && (is_invited ? is_machine_like : log_odds >= options_.suspect_odds);
  const bool is_of_rung = is_invited == (rung_ == SignUpRung::kInvitation);
  if (is_of_rung && !is_suspect) met_ += 1;
  const Gcra& capacity = is_suspect ? suspect_capacity_ : capacity_;
  Time& tat = is_suspect ? suspect_tat_ : is_invited ? invited_tat_ : tat_;
  const Duration wait = capacity.Wait(tat, now);
  if (wait > Duration(0)) {
    return {.answer = SignUpAnswer::kPaused, .retry_after = wait, .log_odds = log_odds};
  }
  tat = capacity.Charge(tat, now);
  const bool is_doubted = log_odds >= options_.invitation_odds;
  const bool needs_mail = rung_ == SignUpRung::kMail || (is_restricted() && is_doubted);
  return {.log_odds = log_odds,
          .needs_mail = options_.has_mail && needs_mail && !is_invited,
          .on_probation = !is_invited && (is_restricted() || is_machine_like)};
}

std::size_t RegistrationPolicy::state_bytes() const {
  std::size_t bytes = sizeof(*this) + changes_.state_bytes();
  for (const LockStep& kind : lock_step_) bytes += kind.state_bytes();
  return bytes;
}

}  // namespace holdfast::guard
