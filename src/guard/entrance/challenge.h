// ChallengeDifficulty: how many leading zero bits a proof of work must have, following load. One
// more bit doubles the price, so a bit per doubling of load keeps what solvers of a given speed can
// send level. A challenge prices access, it proves nothing: native solvers pay 10 to 100 times less
// than a browser, which is why bits_max is set by what people bear and not by what stops machines.
//
// Rises at once, falls one bit per `fall_interval`, and moves only when the wanted difficulty lies
// three quarters of a bit away: it does not flap. Two words of state; single-threaded.
#pragma once

#include "guard/clock.h"

namespace holdfast::guard {

struct ChallengeOptions {
  int bits_min = 16;
  int bits_max = 20;
  int bits_suspect = 3;  // On top, for a request that looks like a machine's.
  Duration fall_interval = std::chrono::seconds(5);
};

// What a phone's browser was taken to compute when the bits were chosen; an assumption.
inline constexpr double kPhoneHashesPerSecond = 5e5;

// The median of the time to find `bits` zero bits: ln 2 * 2^bits hashes.
Duration MedianSolveTime(int bits, double hashes_per_second = kPhoneHashesPerSecond);

class ChallengeDifficulty {
 public:
  explicit ChallengeDifficulty(const ChallengeOptions& options = {});

  // `load`: demand over what is ordinary; 1 and below: bits_min. Returns bits().
  int Update(double load, Time now);
  int bits() const { return bits_; }
  int suspect_bits() const { return bits_ + options_.bits_suspect; }

 private:
  ChallengeOptions options_;
  int bits_;
  Time fall_at_ = Time::min();
};

}  // namespace holdfast::guard
