// ChallengeDifficulty: how many leading zero bits a proof of work must have, following load. One
// more bit doubles the price, so a bit per doubling of load keeps what solvers of a given speed can
// send level. A challenge prices access, it proves nothing: native solvers pay 10 to 100 times less
// than a browser, which is why bits_max is set by what people bear and not by what stops machines.
//
// At the hardest, suspects included, a phone solves it within 3 s nineteen times in twenty: the
// mean is 2^19 hashes, 1.05 s at kPhoneHashesPerSecond, and the 95th percentile is three times the
// mean.
//
// Rises at once, falls one bit per `fall_interval`, and moves only when the wanted difficulty lies
// three quarters of a bit away: it does not flap. Two words of state; single-threaded.
#pragma once

#include <algorithm>

#include "guard/clock.h"

namespace holdfast::guard {

struct ChallengeOptions {
  int bits_min = 16;
  int bits_max = 19;
  int bits_suspect = 3;  // On top, up to bits_max, for a request that looks like a machine's.
  Duration fall_interval = std::chrono::seconds(5);
};

// What a phone's browser was taken to compute when the bits were chosen; an assumption.
inline constexpr double kPhoneHashesPerSecond = 5e5;

// By when 95 % have found `bits` zero bits: ln 20 * 2^bits hashes.
Duration LongSolveTime(int bits, double hashes_per_second = kPhoneHashesPerSecond);

class ChallengeDifficulty {
 public:
  explicit ChallengeDifficulty(const ChallengeOptions& options = {});

  // `load`: demand over what is ordinary; 1 and below: bits_min. Returns bits().
  int Update(double load, Time now);
  int bits() const { return bits_; }
  int suspect_bits() const { return std::min(bits_ + options_.bits_suspect, options_.bits_max); }

 private:
  ChallengeOptions options_;
  int bits_;
  Time fall_at_ = Time::min();
};

}  // namespace holdfast::guard
