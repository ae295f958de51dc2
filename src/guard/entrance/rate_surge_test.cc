#include "guard/entrance/rate_surge.h"

#include <cmath>

#include <gtest/gtest.h>

#include "base/random.h"

namespace holdfast::guard {
namespace {

// Poisson events at `rate` from `from_s` to `to_s`. Seconds until the surge is on, or -1.
double RunUntilOn(RateSurge& surge, double ordinary, double rate, double from_s, double to_s,
                  Random& random) {
  double now_s = from_s;
  while (true) {
    now_s += -std::log(1 - random.Uniform()) / rate;
    if (now_s >= to_s) return -1;
    surge.Advance(ordinary, AtSeconds(now_s));
    surge.AddEvent();
    if (surge.is_on()) return now_s - from_s;
  }
}

TEST(RateSurge, ADayOfOrdinaryEventsIsNone) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    RateSurge surge(8, 16);
    EXPECT_EQ(RunUntilOn(surge, 0.5, 0.5, 0, 86'400, random), -1);
  }
}

TEST(RateSurge, IsOnWithinTensOfEventsAndOffWithinItsBound) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    RateSurge surge(8, 16);
    RunUntilOn(surge, 0.5, 0.5, 0, 600, random);
    const double on_s = RunUntilOn(surge, 0.5, 5, 600, 700, random);
    EXPECT_GE(on_s, 0);
    EXPECT_LE(on_s, 10);
    surge.Advance(0.5, AtSeconds(700));
    surge.AddEvent();
    surge.Advance(0.5, AtSeconds(700 + 16 / (7 * 0.5) + 0.001));
    EXPECT_FALSE(surge.is_on());
  }
}

}  // namespace
}  // namespace holdfast::guard
