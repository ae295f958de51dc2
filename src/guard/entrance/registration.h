// RegistrationPolicy: who may sign up, and what first. Consulted for Route::kRegister alone, after
// EdgeLimiter: log-ins never come here. Single-threaded; O(log n) a sign-up, some 110 KB fixed.
//
// Open, until sign-ups surge (rate_surge.h) against a learned baseline: all of them, or those that
// look like a machine's. Then restricted, by itself, on a ladder whose rungs say what is asked of
// somebody who does not look like a machine:
//
//   open ⇄ challenge ⇄ mail ⇄ invitation ⇄ closed          (mail only where mail can be sent)
//
//   up     from open: a surge. From the others: for `climb_after` more sign-ups have met what the
//          rung asks than accounts can be made, so the rung does not hold them; the rungs that ask
//          for what many people do not have are climbed to late.
//   down   the surge is over, and has been for a hold: a rung every `descend_every`.
//          While it lasts: a rung is tried again from below after `rung_hold`, which doubles up to
//          `rung_hold_max` when it had to be climbed again, so that nobody keeps it up for free.
//
// The hold doubles from `hold_min` to `hold_max` when sign-ups surge again soon, so pulses do not
// make it flap. The baseline is learned only while open, and never above `baseline_max`, so that a
// slow ramp cannot teach it to accept a flood.
//
// While restricted, the odds that a sign-up is a fake decide beside the rung:
//
//   log odds = ln(surplus / ordinary rate), at most `surplus_max` since a surplus may be a crowd
//            + how the time taken for the form is spread in the surplus and on ordinary days
//            + the same of throw-away mail addresses
//            + the same of fingerprint, form or prefix, the strongest of them (lock_step.h)
//
//   below suspect_odds      what the rung asks
//   below invitation_odds   the hardest challenge, and what the rung asks
//   else                    a mail address that is confirmed, or an invitation
//
// No share among people or programs is assumed: all of them are compared with what was seen here
// while open. A new installation has seen nothing, so nothing is evidence there, and the ladder and
// `capacity` are all there is.
//
// Whoever has done what is asked is let in at most at `capacity`, the rate at which accounts can be
// made (password hashing is dear), beyond which one is told when to come back ("paused"). The
// invited have a budget of that size for themselves, and suspects a small one, so that programs
// good enough to be only suspects do not crowd people out.
//
// Fingerprints, forms and prefixes alone never ask for an invitation: people of a crowd may come by
// an app that nobody used before, and then get in slowly, as suspects.
//
// What it cannot do: a fake that takes its time, has a common fingerprint and pays is a person to
// it. `capacity` bounds such fakes and the ladder climbs; what they get by it is bounded elsewhere:
// whoever is let in while restricted, or looks like a machine, is on probation, uninvited.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
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

enum class SignUpAnswer : std::uint8_t {
  kOpen,
  kChallenge,
  kNeedsMail,  // Or an invitation.
  kNeedsInvitation,
  kClosed,
  kPaused,
};

enum class SignUpRung : std::uint8_t { kOpen, kChallenge, kMail, kInvitation, kClosed };
inline constexpr int kSignUpRungCount = static_cast<int>(SignUpRung::kClosed) + 1;
std::string_view SignUpRungWord(SignUpRung rung);

struct SignUpDecision {
  SignUpAnswer answer = SignUpAnswer::kOpen;
  int challenge_bits = 0;   // Of kChallenge.
  Duration retry_after{0};  // Of kPaused; of those after kChallenge: when it may be over.
  double log_odds = 0;      // Of a fake; 0 while open.
  // Of kOpen: how the account is made.
  bool needs_mail = false;  // Its mail address must be confirmed first.
  bool on_probation = false;

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
  Duration mail_after = std::chrono::seconds(3);
  Duration invitation_after = std::chrono::seconds(60);
  Duration closed_after = std::chrono::seconds(60);
  Duration descend_every = std::chrono::seconds(3);
  Duration rung_hold = std::chrono::seconds(30);
  Duration rung_hold_max = std::chrono::minutes(4);
  bool has_mail = true;  // Mail can be sent.
  double surplus_max = 2;
  double suspect_odds = 3.9;
  double invitation_odds = 5.6;
  RateLimit capacity = {20, 200};
  RateLimit suspect_capacity = {1, 20};
  ChallengeOptions challenge;
  LockStepOptions lock_step;
};

struct RegistrationChange {
  std::uint64_t number = 0;  // From 1, in order, without gaps.
  Time time{};
  SignUpRung from = SignUpRung::kOpen;
  SignUpRung to = SignUpRung::kOpen;
  // Why restricted: all sign-ups surged; else those that look like a machine's.
  bool by_rate = false;
  double rate = 0;  // Sign-ups a second of late.
  double baseline = 0;

  bool is_restricted() const { return to != SignUpRung::kOpen; }
};

class RegistrationPolicy {
 public:
  explicit RegistrationPolicy(const RegistrationOptions& options = {});

  // Once for each time a form is sent, in order of time; also when it comes again, paid or invited.
  SignUpDecision OnSignUp(const RequestFacts& facts, Time now);
  // Lets time pass without a sign-up: to reopen, and before the questions below.
  void Advance(Time now);

  SignUpRung rung() const { return rung_; }
  bool is_restricted() const { return rung_ != SignUpRung::kOpen; }
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
  enum Kind { kFingerprint, kForm, kPrefix, kFormTime, kMailKind, kKindCount };
  using Names = std::array<std::uint64_t, kKindCount>;

  static Names NamesOf(const RequestFacts& facts);
  double Conduct(const Names& names) const;
  double PriorOdds() const;
  bool ComesAgain(const RequestFacts& facts);
  void Count(const Names& names, double conduct);
  void Move(Time now);
  void Climb(Time now);
  void Go(SignUpRung to, Time now);
  SignUpRung Next(SignUpRung rung) const;
  SignUpRung Previous(SignUpRung rung) const;
  Duration ClimbAfter(SignUpRung to) const;
  SignUpDecision Judge(const RequestFacts& facts, double conduct, Time now);
  SignUpDecision Ask(SignUpAnswer answer, double log_odds, Time now);
  SignUpDecision LetIn(const RequestFacts& facts, double conduct, double log_odds, Time now);

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
  SignUpRung rung_ = SignUpRung::kOpen;
  Time rung_since_ = Time::min();
  Duration rung_hold_;
  Time climbed_at_ = Time::min();
  Time full_since_ = Time::max();  // More meet what is asked than accounts can be made.
  double met_ = 0;                 // Of those, of late; suspects and invited apart.
  double asked_ = 0;               // To pay or to confirm, and have not come again so far.
  Duration hold_;
  Time held_until_ = Time::min();
  Time lifted_at_ = Time::min();
  RecordLog<RegistrationChange> changes_;
};

}  // namespace holdfast::guard
