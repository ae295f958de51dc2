#include "guard/entrance/challenge.h"

#include <cmath>

#include <gtest/gtest.h>

#include "base/random.h"

namespace holdfast::guard {
namespace {

TEST(Challenge, ABitForEveryDoublingOfLoad) {
  for (int doublings = 0; doublings <= 3; ++doublings) {
    ChallengeDifficulty difficulty;
    EXPECT_EQ(difficulty.Update(std::exp2(doublings), AtSeconds(0)), 16 + doublings);
  }
}

TEST(Challenge, RisesAtOnceAndFallsStepByStep) {
  ChallengeDifficulty difficulty;
  EXPECT_EQ(difficulty.Update(8, AtSeconds(0)), 19);
  EXPECT_EQ(difficulty.Update(1, AtSeconds(4.9)), 19);
  EXPECT_EQ(difficulty.Update(1, AtSeconds(5)), 18);
  EXPECT_EQ(difficulty.Update(1, AtSeconds(6)), 18);
  EXPECT_EQ(difficulty.Update(1, AtSeconds(10)), 17);
}

TEST(Challenge, NeverAsksMoreThanPeopleBear) {
  ChallengeDifficulty difficulty;
  EXPECT_EQ(difficulty.suspect_bits(), 19);
  EXPECT_EQ(difficulty.Update(1e9, AtSeconds(0)), 19);
  EXPECT_EQ(difficulty.suspect_bits(), 19);
  EXPECT_LE(LongSolveTime(difficulty.suspect_bits()), std::chrono::milliseconds(3200));
}

// Load that wanders by a fifth around any level moves the difficulty once at most.
TEST(Challenge, DoesNotFlap) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ChallengeDifficulty difficulty;
    const double level = std::exp2(3 * random.Uniform());
    int changes = -1;  // The first rise is none.
    int last = 0;
    for (int i = 0; i < 1000; ++i) {
      const int bits = difficulty.Update(level * (0.8 + 0.4 * random.Uniform()), AtSeconds(i));
      if (bits != last) ++changes;
      last = bits;
    }
    EXPECT_LE(changes, 1);
  }
}

}  // namespace
}  // namespace holdfast::guard
