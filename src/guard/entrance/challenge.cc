#include "guard/entrance/challenge.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace holdfast::guard {

Duration LongSolveTime(int bits, double hashes_per_second) {
  return FromSeconds(std::log(20.0) * std::exp2(bits) / hashes_per_second);
}

ChallengeDifficulty::ChallengeDifficulty(const ChallengeOptions& options)
    : options_(options), bits_(options.bits_min) {
  CHECK(options.bits_min >= 1 && options.bits_min <= options.bits_max && options.bits_suspect >= 0);
}

int ChallengeDifficulty::Update(double load, Time now) {
  constexpr double kDeadBand = 0.75;  // Of a bit; above 0.5, so that rounding has one answer.
  const double wanted =
      std::min<double>(options_.bits_max, options_.bits_min + std::log2(std::max(load, 1.0)));
  if (wanted >= bits_ + kDeadBand) {
    bits_ = static_cast<int>(std::lround(wanted));
    fall_at_ = now + options_.fall_interval;
  } else if (wanted > bits_ - kDeadBand) {
    fall_at_ = now + options_.fall_interval;
  } else if (now >= fall_at_) {
    --bits_;
    fall_at_ = now + options_.fall_interval;
  }
  return bits_;
}

}  // namespace holdfast::guard
