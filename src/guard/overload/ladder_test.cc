#include "guard/overload/ladder.h"

#include <algorithm>

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

// The number of the step that the rung is of, from 1; 0: open.
int StepOf(const Ladder::Rules& rules, int rung) {
  const auto found = std::ranges::find(rules.steps, static_cast<Rung>(rung), &Ladder::Step::rung);
  return found == rules.steps.end() ? 0 : static_cast<int>(found - rules.steps.begin()) + 1;
}

// Of the simulator, and of a gateway with and without shorter answers.
const std::vector<Ladder::Rules> kRules = {Ladder::Rules{}, Ladder::WithoutBatch(true),
                                           Ladder::WithoutBatch(false)};

TEST(Ladder, ClimbsOneStepAtATimeToWherePressureBelongs) {
  for (const Ladder::Rules& rules : kRules) {
    Ladder ladder(rules);
    Time now{};
    const std::vector<int> rungs = Climb(ladder, 400, now, [](int) { return 20.0; });
    for (std::size_t i = 1; i < rungs.size(); ++i) {
      EXPECT_LE(StepOf(rules, rungs[i]) - StepOf(rules, rungs[i - 1]), 1);
    }
    EXPECT_EQ(ladder.rung(), Rung::kHistoryOnly);
  }
}

TEST(Ladder, ARungWithoutAStepIsNotThere) {
  const struct {
    Ladder::Rules rules;
    std::vector<Rung> rungs;
  } cases[] = {
      {{}, {Rung::kNoEarlyRetries, Rung::kNoBatch, Rung::kNoAnonymous, Rung::kHistoryOnly}},
      {Ladder::WithoutBatch(true),
       {Rung::kNoEarlyRetries, Rung::kShorterAnswers, Rung::kNoAnonymous, Rung::kHistoryOnly}},
      {Ladder::WithoutBatch(false),
       {Rung::kNoEarlyRetries, Rung::kNoAnonymous, Rung::kHistoryOnly}},
  };
  for (const auto& c : cases) {
    Ladder ladder(c.rules);
    Time now{};
    std::vector<Rung> seen;
    for (const int rung : Climb(ladder, 400, now, [](int) { return 20.0; })) {
      const bool is_new = rung > 0 && (seen.empty() || static_cast<Rung>(rung) != seen.back());
      if (is_new) seen.push_back(static_cast<Rung>(rung));
    }
    EXPECT_EQ(seen, c.rungs);
  }
}

TEST(Ladder, AnswersAreShorterBeforeAnybodyIsTurnedAwayForWhoTheyAre) {
  const Ladder::Rules rules = Ladder::WithoutBatch(true);
  const Ladder::Step& shorter = rules.steps.at(1);
  const Ladder::Step& signed_in = rules.steps.at(2);
  EXPECT_EQ(shorter.rung, Rung::kShorterAnswers);
  EXPECT_EQ(signed_in.rung, Rung::kNoAnonymous);
  EXPECT_LT(shorter.enter, signed_in.enter);
  EXPECT_LT(shorter.exit, signed_in.exit);
}

TEST(Ladder, KnowsSinceWhen) {
  Ladder ladder({});
  Time now{};
  EXPECT_EQ(ladder.since(), Time{});
  Climb(ladder, 22, now, [](int) { return 2.0; });
  EXPECT_EQ(ladder.rung(), Rung::kNoEarlyRetries);
  EXPECT_EQ(ladder.since(), Time{} + kSpan + seconds(1));
  Climb(ladder, 100, now, [](int) { return 2.0; });
  EXPECT_EQ(ladder.since(), Time{} + kSpan + seconds(1)) << "it has not moved";
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
  const auto steps = static_cast<int>(rules.steps.size());
  const Duration bound = steps * (rules.down_after + kSpan);
  Climb(ladder, static_cast<int>(bound / kSpan) + 1, now,
        [&](int) { return rules.steps.front().exit; });
  EXPECT_EQ(ladder.rung(), Rung::kOpen);
}

// Whatever the pressure does inside one hysteresis band, the ladder moves into it and stays.
TEST(Ladder, DoesNotFlapWithinABand) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const Ladder::Rules& rules = kRules[seed % kRules.size()];
    const std::size_t steps = rules.steps.size();
    Random random(seed);
    Ladder ladder(rules);
    Time now{};
    const std::size_t start = random.Next() % (steps + 1);
    const double to_start = start == 0 ? 0 : rules.steps[start - 1].enter + 1e-6;
    Climb(ladder, 400, now, [&](int) { return to_start; });
    const std::size_t band = random.Next() % steps;
    const double low = rules.steps[band].exit;
    const double high = rules.steps[band].enter;
    const std::vector<int> rungs = Climb(ladder, 4000, now, [&](int) {
      return low + (high - low) * (0.001 + 0.998 * random.Uniform());
    });
    const bool is_up = rungs.back() > rungs.front();
    for (std::size_t i = 1; i < rungs.size(); ++i) {
      EXPECT_FALSE(is_up ? rungs[i] < rungs[i - 1] : rungs[i] > rungs[i - 1]) << "seed " << seed;
    }
    EXPECT_LE(Moves(rungs), static_cast<int>(steps)) << "seed " << seed;
  }
}

// Whatever the pressure does at all, a cycle up and down takes its time.
TEST(Ladder, MovesNoFasterThanItsPatience) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const Ladder::Rules& rules = kRules[seed % kRules.size()];
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

bool MayWait(Rung rung, ServiceClass service_class, bool is_early) {
  return WhyShed(rung, service_class, is_early) == Refusal::kNone;
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
}

TEST(Ladder, SaysWhyItSheds) {
  const struct {
    Rung rung;
    ServiceClass service_class;
    bool is_early;
    Refusal why;
  } cases[] = {
      {Rung::kOpen, ServiceClass::kAnonymousBatch, true, Refusal::kNone},
      {Rung::kNoEarlyRetries, ServiceClass::kHistory, true, Refusal::kShed},
      {Rung::kNoEarlyRetries, ServiceClass::kAnonymousBatch, false, Refusal::kNone},
      {Rung::kShorterAnswers, ServiceClass::kAnonymousBatch, false, Refusal::kNone},
      {Rung::kNoBatch, ServiceClass::kHistoryBatch, false, Refusal::kShed},
      {Rung::kNoBatch, ServiceClass::kAnonymous, false, Refusal::kNone},
      {Rung::kNoAnonymous, ServiceClass::kAnonymous, false, Refusal::kSignedInOnly},
      {Rung::kNoAnonymous, ServiceClass::kNew, false, Refusal::kNone},
      {Rung::kHistoryOnly, ServiceClass::kAnonymous, false, Refusal::kHistoryOnly},
      {Rung::kHistoryOnly, ServiceClass::kNew, false, Refusal::kHistoryOnly},
      {Rung::kHistoryOnly, ServiceClass::kHistory, false, Refusal::kNone},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(WhyShed(c.rung, c.service_class, c.is_early), c.why)
        << RungWord(c.rung) << ", class " << static_cast<int>(c.service_class);
  }
}

}  // namespace
}  // namespace holdfast::guard
