#include "guard/evidence/likeness_trial.h"

#include <cstdint>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::guard {
namespace {

constexpr std::int64_t kDayMs = 24 * TrialRules::kHourMs;
constexpr std::int64_t kStartMs = 1'800'000'000'000;

LikenessTrialCount Count(std::uint64_t asked, std::uint64_t accused = 0) {
  return {.asked = asked, .accused = accused, .accused_by = {accused, 0, 0}};
}

// `asked` requests spread evenly over `days`, a look each hour.
void Measure(LikenessTrial& trial, std::int64_t from_ms, double days, std::uint64_t asked,
             std::uint64_t accused) {
  const auto looks = static_cast<std::uint64_t>(days * 24);
  for (std::uint64_t i = 0; i <= looks; ++i) {
    const auto share = [&](std::uint64_t all) {
      return all * (i + 1) / (looks + 1) - all * i / (looks + 1);
    };
    const std::int64_t now = from_ms + static_cast<std::int64_t>(i) * TrialRules::kHourMs;
    trial.Add(Count(share(asked), share(accused)), now);
    trial.Decide(now);
  }
}

TEST(LikenessTrial, EnforcesOnlyWhatWasMeasured) {
  const struct {
    const char* what;
    double days;
    std::uint64_t asked, accused;
    TrialState state;
  } kCases[] = {
      {"nothing", 0, 0, 0, TrialState::kMeasuring},
      {"a request too few", 7, 9'999, 0, TrialState::kMeasuring},
      {"an hour too short", 167.0 / 24, 10'000, 0, TrialState::kMeasuring},
      {"as many and as long as it takes", 7, 10'000, 0, TrialState::kMeasured},
      {"four accused are few enough", 7, 10'000, 4, TrialState::kMeasured},
      {"five are not", 7, 10'000, 5, TrialState::kTooMany},
      {"five of more are", 7, 10'600, 5, TrialState::kMeasured},
      {"a week of 28 days is forgotten", 35, 12'000, 0, TrialState::kMeasuring},
      {"the share itself may be low and not known well enough", 7, 50'000, 40,
       TrialState::kTooMany},
  };
  for (const auto& test : kCases) {
    // Only the end counts here: nothing falls back on the way.
    LikenessTrial trial;
    const auto hours = static_cast<std::int64_t>(test.days * 24 + 0.5);
    for (std::int64_t hour = 0; hour <= hours; ++hour) {
      const auto share = [&](std::uint64_t all) {
        const auto at = static_cast<std::uint64_t>(hour);
        const auto of = static_cast<std::uint64_t>(hours) + 1;
        return all * (at + 1) / of - all * at / of;
      };
      trial.Add(Count(share(test.asked), share(test.accused)),
                kStartMs + hour * TrialRules::kHourMs);
    }
    EXPECT_EQ(TrialStateWord(trial.report().state), TrialStateWord(test.state)) << test.what;
    const bool is_enforced = trial.Decide(kStartMs + hours * TrialRules::kHourMs);
    EXPECT_EQ(is_enforced, test.state == TrialState::kMeasured) << test.what;
  }
}

TEST(LikenessTrial, ARehearsalStandsForTheDaysAndForNothingElse) {
  LikenessTrial trial;
  trial.MarkRehearsed(kStartMs);
  trial.Add(Count(9'999), kStartMs);
  EXPECT_FALSE(trial.Decide(kStartMs));
  trial.Add(Count(1), kStartMs + 1);
  EXPECT_TRUE(trial.Decide(kStartMs + 1));

  LikenessTrial accuses;
  accuses.MarkRehearsed(kStartMs);
  accuses.Add(Count(10'000, 5), kStartMs);
  EXPECT_FALSE(accuses.Decide(kStartMs));
}

TEST(LikenessTrial, FallsBackAndMeasuresAnewWhenTheBoundIsBroken) {
  LikenessTrial trial;
  Measure(trial, kStartMs, 7, 20'000, 0);
  ASSERT_TRUE(trial.is_enforced());
  // Over a day it is no more than allowed, over the window it is.
  std::int64_t now = kStartMs + 7 * kDayMs;
  for (int i = 0; i < 8 && trial.is_enforced(); ++i) {
    now += 30 * TrialRules::kHourMs;
    trial.Add(Count(1'000, 3), now);
    trial.Decide(now);
  }
  EXPECT_FALSE(trial.Decide(now));
}

TEST(LikenessTrial, FallsBackWhenTheLastDayIsBadThoughTheWindowHidesIt) {
  LikenessTrial trial;
  Measure(trial, kStartMs, 20, 1'000'000, 0);
  ASSERT_TRUE(trial.is_enforced());
  const std::int64_t now = kStartMs + 22 * kDayMs;
  trial.Add(Count(1'000, 8), now);
  EXPECT_FALSE(trial.Decide(now)) << "8 of 1,000 in the last day, 8 of a million in all";
  EXPECT_EQ(trial.report().fell_back_ms, now);
  EXPECT_EQ(trial.report().count, LikenessTrialCount{});
  // From here on as if nothing had been before.
  Measure(trial, now + kDayMs, 6, 100'000, 0);
  EXPECT_FALSE(trial.is_enforced());
  Measure(trial, now + 7 * kDayMs + TrialRules::kHourMs, 2, 10'000, 0);
  EXPECT_TRUE(trial.is_enforced());
}

TEST(LikenessTrial, FallsBackWhenSoLittleIsCountedThatNothingCanBeSaid) {
  LikenessTrial trial;
  Measure(trial, kStartMs, 7, 10'000, 0);
  ASSERT_TRUE(trial.is_enforced());
  // The window moves on, and only a little comes in.
  const std::int64_t later = kStartMs + 25 * kDayMs;
  trial.Add(Count(100), later);
  EXPECT_TRUE(trial.Decide(later));
  const std::int64_t after = kStartMs + 36 * kDayMs;
  EXPECT_FALSE(trial.Decide(after));
}

TEST(LikenessTrial, GoesOnAfterARestart) {
  LikenessTrial trial;
  Measure(trial, kStartMs, 5, 9'000, 1);
  LikenessTrial next;
  next.Restore(trial.record());
  EXPECT_EQ(next.report().count, trial.report().count);
  Measure(next, kStartMs + 6 * kDayMs, 1, 2'000, 0);
  EXPECT_TRUE(next.is_enforced());
}

TEST(LikenessTrial, TakesATimeThatGoesBackForTheLatestAndKeepsItsWindow) {
  LikenessTrial trial;
  trial.Add(Count(10), kStartMs);
  trial.Add(Count(10), kStartMs - 30 * kDayMs);
  EXPECT_EQ(trial.report().time_ms, 0);
  for (int i = 0; i < 1000; ++i) {
    trial.Add(Count(1), kStartMs + i * LikenessTrial::kSpanMs);
    ASSERT_LE(trial.record().spans.size(), LikenessTrial::kWindow + 1);
  }
}

TEST(LikenessTrial, OtherCoefficientsOrThresholdsAreAnotherVersion) {
  Calibration calibration = kCalibration;
  EXPECT_EQ(LikenessVersion(calibration), LikenessVersion());
  calibration.coefficient.back() += 0.001;
  EXPECT_NE(LikenessVersion(calibration), LikenessVersion());
  EXPECT_NE(LikenessVersion(kCalibration, {.challenge_log_odds = 2.3}), LikenessVersion());
}

}  // namespace
}  // namespace holdfast::guard
