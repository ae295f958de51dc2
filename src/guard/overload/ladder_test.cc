#include "guard/overload/ladder.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace holdfast::guard {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kSpan = milliseconds(50);

// The rung after each observation of `pressure(i)`, one every kSpan.
template <typename Pressure>
std::vector<int> Climb(Ladder& ladder, int observations, Time& now, Pressure pressure) {
  std::vector<int> rungs;
  for (int i = 0; i < observations; ++i) {
    now += kSpan;
    ladder.Observe(pressure(i), now);
    rungs.push_back(static_cast<int>(ladder.rung()));
  }
  return rungs;
}

int Moves(const std::vector<int>& rungs) {
  int moves = 0;
  for (std::size_t i = 1; i < rungs.size(); ++i) moves += rungs[i] != rungs[i - 1];
  return moves;
}

TEST(Ladder, ClimbsOneRungAtATimeToWherePressureBelongs) {
  Ladder ladder({});
  Time now{};
  const std::vector<int> rungs = Climb(ladder, 400, now, [](int) { return 20.0; });
  for (std::size_t i = 1; i < rungs.size(); ++i) EXPECT_LE(rungs[i] - rungs[i - 1], 1);
  EXPECT_EQ(ladder.rung(), Rung::kHistoryOnly);
}

TEST(Ladder, ASpikeShorterThanItsPatienceMovesNothing) {
  Ladder ladder({});
  Time now{};
  Climb(ladder, 15, now, [](int) { return 100.0; });
  Climb(ladder, 1, now, [](int) { return 1.0; });
  Climb(ladder, 15, now, [](int) { return 100.0; });
  EXPECT_EQ(ladder.rung(), Rung::kOpen);
}

TEST(Ladder, ComesBackByItselfWithinItsBound) {
  const Ladder::Rules rules;
  Ladder ladder(rules);
  Time now{};
  Climb(ladder, 400, now, [](int) { return 20.0; });
  const Duration bound = (kRungCount - 1) * (rules.down_after + kSpan);
  Climb(ladder, static_cast<int>(bound / kSpan) + 1, now, [&](int) { return rules.exit[1]; });
  EXPECT_EQ(ladder.rung(), Rung::kOpen);
}

// Whatever the pressure does inside one hysteresis band, the ladder moves into it and stays.
TEST(Ladder, DoesNotFlapWithinABand) {
  const Ladder::Rules rules;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    Ladder ladder(rules);
    Time now{};
    const int start = static_cast<int>(random.Next() % kRungCount);
    Climb(ladder, 400, now, [&](int) { return rules.enter[start] + 1e-6; });
    const int rung = 1 + static_cast<int>(random.Next() % (kRungCount - 1));
    const double low = rules.exit[rung];
    const double high = rules.enter[rung];
    const std::vector<int> rungs = Climb(ladder, 4000, now, [&](int) {
      return low + (high - low) * (0.001 + 0.998 * random.Uniform());
    });
    for (std::size_t i = 2; i < rungs.size(); ++i) {
      const bool turns = (rungs[i] - rungs[i - 1]) * (rungs[i - 1] - start) < 0;
      EXPECT_FALSE(turns) << "seed " << seed;
    }
    EXPECT_LE(Moves(rungs), kRungCount - 1) << "seed " << seed;
  }
}

// Whatever the pressure does at all, a cycle up and down takes its time.
TEST(Ladder, MovesNoFasterThanItsPatience) {
  const Ladder::Rules rules;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    Ladder ladder(rules);
    Time now{};
    double pressure = 1;
    const std::vector<int> rungs = Climb(ladder, 6000, now, [&](int) {
      if (random.Uniform() < 0.02) pressure = 12 * random.Uniform();
      return pressure * (0.9 + 0.2 * random.Uniform());
    });
    int ups = 0;
    int downs = 0;
    for (std::size_t i = 1; i < rungs.size(); ++i) {
      ups += rungs[i] > rungs[i - 1];
      downs += rungs[i] < rungs[i - 1];
    }
    EXPECT_LE(ups * rules.up_after + downs * rules.down_after, 6000 * kSpan) << "seed " << seed;
  }
}

TEST(Ladder, ShedsInOrder) {
  for (int rung = 0; rung + 1 < kRungCount; ++rung) {
    for (int i = 0; i < kServiceClassCount; ++i) {
      for (const bool is_early : {false, true}) {
        const auto service_class = static_cast<ServiceClass>(i);
        const bool may_higher = MayWait(static_cast<Rung>(rung + 1), service_class, is_early);
        EXPECT_TRUE(!may_higher || MayWait(static_cast<Rung>(rung), service_class, is_early));
      }
    }
  }
  EXPECT_TRUE(MayWait(Rung::kHistoryOnly, ServiceClass::kHistory, false));
  EXPECT_FALSE(MayWait(Rung::kHistoryOnly, ServiceClass::kNew, false));
  EXPECT_FALSE(MayWait(Rung::kNoAnonymous, ServiceClass::kAnonymous, false));
  EXPECT_FALSE(MayWait(Rung::kNoBatch, ServiceClass::kHistoryBatch, false));
  EXPECT_FALSE(MayWait(Rung::kNoEarlyRetries, ServiceClass::kHistory, true));
}

}  // namespace
}  // namespace holdfast::guard
