// RegistrationPolicy: who may sign up, and what first. Consulted for Route::kRegister alone, after
// EdgeLimiter: log-ins never come here. Single-threaded; O(log n) a sign-up, some 80 KB fixed.
//
// Open, until sign-ups surge (rate_surge.h) against a learned baseline: all of them, or those that
// look like a machine's. Then restricted, by itself, until both surges are over and a hold has
// passed; the hold doubles from `hold_min` to `hold_max` when sign-ups surge again soon, so pulses
// do not make it flap. The baseline is learned only while open, and never above `baseline_max`, so
// that a slow ramp cannot teach it to accept a flood.
//
// While restricted, the odds that a sign-up is a fake decide:
//
//   log odds = ln(surplus / ordinary rate), at most `surplus_max` since a surplus may be a crowd
//            + form (never loaded, filled in no time: machine; in a person's time: person)
//            + throw-away mail address + lock-step of fingerprint, form or prefix (lock_step.h)
//
//   below suspect_odds      a challenge, which a phone solves in about 2 s
//   below invitation_odds   a harder challenge
//   else                    an invitation, or a code confirmed by mail
//
// Whoever has paid or is invited is let in at most at `capacity`, the rate at which accounts can be
// made (password hashing is dear), beyond which one is told when to come back ("paused"). The
// invited have a budget of that size for themselves, and suspects a small one, so that programs
// good enough to be only suspects do not crowd people out. Who is invited and looks like a machine
// in every other way is a suspect all the same: a mailbox is no person.
//
// Fingerprints, forms and prefixes alone never ask for an invitation: people of a crowd may come by
// an app that nobody used before, and then get in slowly, as suspects.
//
// What it cannot do: a fake that loads the form, takes its time, has an ordinary mail address and a
// common fingerprint, and pays, is a person to it. It costs such fakes one challenge each, and
// `capacity` bounds them. Those who need to know more must ask for the code by mail.
//
// The coefficients are stated assumptions (registration.cc), not a fit.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "guard/clock.h"
#include "guard/entrance/challenge.h"
#include "guard/entrance/lock_step.h"
#include "guard/entrance/rate_surge.h"
#include "guard/facts.h"
#include "guard/limits/gcra.h"
#include "guard/refusal.h"
#include "guard/tables/record_log.h"
#include "guard/tables/state_bytes.h"

namespace holdfast::guard {

enum class SignUpAnswer : std::uint8_t { kOpen, kChallenge, kNeedsInvitation, kPaused };

struct SignUpDecision {
  SignUpAnswer answer = SignUpAnswer::kOpen;
  int challenge_bits = 0;   // Of kChallenge.
  Duration retry_after{0};  // Of kPaused; of kNeedsInvitation: when it may be over.
  double log_odds = 0;      // Of a fake; 0 while open.

  Refusal refusal() const;
};

struct RegistrationOptions {
  double baseline_min = 0.5;  // Sign-ups a second that are ordinary on any machine.
  double baseline_max = 5;
  Duration baseline_memory = std::chrono::hours(1);
  double surge = 8;  // Times the baseline.
  double surge_threshold = 16;
  double suspect_share = 0.2;  // Of ordinary sign-ups, that look like a machine's at most.
  Duration hold_min = std::chrono::seconds(10);
  Duration hold_max = std::chrono::seconds(40);
  Duration hold_memory = std::chrono::minutes(5);  // Surging again within it doubles the hold.
  double surplus_max = 2;
  double suspect_odds = 2.2;
  double invitation_odds = 3.5;
  RateLimit capacity = {20, 200};
  RateLimit suspect_capacity = {1, 20};
  ChallengeOptions challenge;
  LockStepOptions lock_step;
};

struct RegistrationChange {
  std::uint64_t number = 0;  // From 1, in order, without gaps.
  Time time{};
  bool is_restricted = false;
  bool by_rate = false;  // All sign-ups surged; else those that look like a machine's.
  double rate = 0;       // Sign-ups a second of late.
  double baseline = 0;
};

class RegistrationPolicy {
 public:
  explicit RegistrationPolicy(const RegistrationOptions& options = {});

  // Once for each time a form is sent, in order of time; also when it comes again, paid or invited.
  SignUpDecision OnSignUp(const RequestFacts& facts, Time now);
  // Lets time pass without a sign-up: to reopen, and before the questions below.
  void Advance(Time now);

  bool is_restricted() const { return is_restricted_; }
  double rate() const;      // Sign-ups a second of late.
  double baseline() const;  // Ordinary sign-ups a second, as far as it is trusted.
  int challenge_bits() const { return difficulty_.bits(); }
  void DrainChanges(std::vector<RegistrationChange>& out) { changes_.Drain(out); }
  // What is ordinary; not whether it is restricted.
  void Save(StateWriter& writer) const { writer.Put(learned_); }
  void Load(StateReader& reader) { learned_ = reader.TakeDouble(0, kLearnedMax); }
  std::size_t state_bytes() const;

 private:
  static constexpr double kLearnedMax = 1e6;
  enum Kind { kFingerprint, kForm, kPrefix, kKindCount };

  double Conduct(const RequestFacts& facts) const;
  double PriorOdds() const;
  void Count(const RequestFacts& facts, double conduct);
  void Switch(Time now);
  SignUpDecision Judge(const RequestFacts& facts, double conduct, Time now);
  SignUpDecision LetIn(const RequestFacts& facts, double log_odds, Time now);

  RegistrationOptions options_;
  RateSurge all_;
  RateSurge suspects_;
  std::array<LockStep, kKindCount> lock_step_;
  ChallengeDifficulty difficulty_;
  Gcra capacity_;
  Gcra suspect_capacity_;
  Time tat_ = Time::min();
  Time invited_tat_ = Time::min();
  Time suspect_tat_ = Time::min();
  double learned_;     // Sign-ups a second, mean over baseline_memory while open.
  double recent_ = 0;  // Sign-ups, fading within seconds.
  Time time_ = Time::min();
  bool is_restricted_ = false;
  Duration hold_;
  Time held_until_ = Time::min();
  Time lifted_at_ = Time::min();
  RecordLog<RegistrationChange> changes_;
};

}  // namespace holdfast::guard
