// PasswordGate: whose password is checked next, and who is told to come again. Checking a password
// is made to be dear, so a few hundred guesses a second take all the CPU there is for it; then what
// counts is the order. Owned by whoever checks passwords; single-threaded; pure.
//
// Six lanes:
//   familiar  a log-in where this account was logged in before (its address, or its prefix), or
//             with a device that was (Caller::device): asked for nothing, ever. Guessers cannot get
//             here without having been the account's owner.
//   expected  a log-in with a browser that this account used before, elsewhere; while strangers are
//             challenged it must pay as they do, since common browsers are easy to copy. Also who
//             has paid and found no place, and comes again for the same account at the same
//             address: guessers go on to the next account.
//   vouched   paid a challenge or confirmed a code by mail.
//   sign-up   which the registration policy has let in.
//   stranger  everybody else.
//   suspect   a log-in that is not familiar, at an address that of late asked for more accounts
//             than `tries`, or gave more wrong passwords; right ones are given back.
// Familiar goes first, stranger and suspect last; between them log-ins and sign-ups take turns, so
// that a surge of one does not stop the other. At most `checks_max` are checked at a time; a check
// whose end is not told within `check_max` is given up for lost, so that what loses its ends cannot
// stop all log-ins. Lanes are bounded in length and wait, and who finds no place is told when to
// come again. When strangers wait in numbers, they are challenged before they are let wait, for
// `pressure_hold` after the last time. The idea is that of device cookies (OWASP, "Slow down online
// guessing attacks with device cookies").
//
// Nobody is locked out. Wrong passwords are counted by account, and halve in a day. An account of
// which `failures_max` were guessed asks everybody who is not familiar for a challenge first; and
// those who are familiar, too, from twice as many. A refusal there would be a way to keep the owner
// out; what bounds guessing instead is that every check costs CPU time on `checks_max` cores, and
// that passwords are long (accounts/password_rules.h). A device that guesses is familiar no more.
//
// Memory is fixed: `places_max` places and `accounts_max` counts at 8 bytes (tag_table.h,
// fading_counts.h: full, the place longest unused and the least count are forgotten), and a
// RateTable of addresses.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "guard/clock.h"
#include "guard/facts.h"
#include "guard/limits/gcra.h"
#include "guard/limits/rate_table.h"
#include "guard/refusal.h"
#include "guard/tables/fading_counts.h"
#include "guard/tables/tag_table.h"

namespace holdfast::guard {

struct PasswordGateOptions {
  std::size_t checks_max = 2;  // Cores for it.
  std::size_t familiar_max = 256;
  std::size_t others_max = 64;  // In each of the other lanes.
  Duration familiar_wait_max = std::chrono::seconds(20);
  Duration others_wait_max = std::chrono::seconds(5);
  std::size_t pressure_waiting = 16;
  Duration pressure_hold = std::chrono::seconds(60);
  double check_s = 0.06;  // Until it is measured.
  Duration check_max = std::chrono::seconds(60);
  RateLimit tries = {1.0 / 300, 5};  // Of an address.
  // Of an account, at places that are not familiar. NIST SP 800-63B has 100 as the most in a row.
  std::uint32_t failures_max = 90;
  std::uint32_t device_failures_max = 10;
  Duration failures_half_life = std::chrono::hours(24);
  Duration familiar_for = std::chrono::hours(24 * 180);
  std::size_t places_max = 1 << 20;  // Three for an account used in one place.
  std::size_t accounts_max = 1 << 18;
  std::size_t devices_max = 1 << 16;
  // Of an address and an account: not charged again for so long, and first if it returns so soon.
  Duration tries_for = std::chrono::minutes(10);
  Duration returns_within = std::chrono::seconds(60);
  std::size_t pairs_max = 1 << 16;
  std::size_t address_cells = 1 << 16;
};

class PasswordGate {
 public:
  struct Offer {
    enum What : std::uint8_t { kStart, kWait, kRefuse };
    What what = kStart;
    Refusal refusal = Refusal::kNone;
    Duration retry_after{0};
  };
  struct Expired {
    std::uint32_t id = 0;
    Duration retry_after{0};  // Refused as Refusal::kQueueFull.
  };

  PasswordGate(const PasswordGateOptions& options, std::uint64_t seed);

  // A log-in or a sign-up that passed all limits; `id` names it until its end, unless refused.
  Offer Request(std::uint32_t id, const RequestFacts& facts, Time now);
  // Appends who is checked now, who has waited too long, and whose check was given up. Of the last
  // two nothing more is told.
  void Poll(Time now, std::vector<std::uint32_t>& started, std::vector<Expired>& refused,
            std::vector<std::uint32_t>& lost);
  Time NextTime() const;  // When Poll() has something to do without another call.
  // The end of one that started or waits, for whatever reason. Of others: ignored.
  void OnEnd(std::uint32_t id, const OutcomeFacts& outcome);

  // The account is logged in at this place: a right password, an answer to its session.
  void Remember(const Caller& caller, Time now);
  bool IsFamiliar(const Caller& caller, Time now) const;

  // Where accounts were used, wrong passwords in a row, and how long a check takes; times are those
  // of the clock that tells `now`. Read into a new gate of the same options and seed.
  void Save(StateWriter& writer, const StatePart& part) const;
  void Load(StateReader& reader, const StatePart& part);

  std::size_t waiting() const;
  bool is_pressed(Time now) const { return now < pressed_until_; }
  std::size_t state_bytes() const;

 private:
  enum Lane { kFamiliar, kExpected, kVouched, kSignUp, kStranger, kSuspect, kLaneCount };
  struct Waiting {
    std::uint32_t id = 0;
    Time deadline{};
    std::uint64_t pair = 0;
  };
  struct Checked {
    std::uint32_t id = 0;
    Time started{};
  };

  void GiveUpLost(Time now, std::vector<std::uint32_t>& lost);
  Lane LaneOf(const RequestFacts& facts, Time now);
  bool WasSeen(std::uint64_t place, Time now) const;
  // Whether so many passwords of the account were guessed that a challenge comes first.
  bool IsDear(const RequestFacts& facts, Lane lane, Time now) const;
  bool IsSuspect(const RequestFacts& facts, Time now);
  // The one to start from; kLaneCount: nobody waits.
  Lane NextLane();
  void Learn(const Caller& caller, bool is_right, Time now);
  // Until who comes now into this lane would be checked.
  Duration WaitOf(Lane lane) const;
  std::size_t LimitOf(Lane lane) const;

  PasswordGateOptions options_;
  std::array<std::deque<Waiting>, kLaneCount> lanes_;
  std::vector<Checked> checked_;  // At most checks_max.
  TagTable places_;               // Minutes of the last time, from 1.
  FadingCounts failures_;         // By account.
  FadingCounts device_failures_;
  Gcra tries_;
  RateTable trying_addresses_;
  TagTable tried_;        // Pairs of address and account: seconds of the last time, from 1,
  TagTable turned_away_;  // and when they found no place.
  bool is_sign_ups_turn_ = false;
  double check_s_;
  Time pressed_until_ = Time::min();
};

}  // namespace holdfast::guard
