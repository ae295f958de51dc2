#include "guard/overload/wait_estimator.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace holdfast::guard {
namespace {

constexpr ServiceClass kClass = ServiceClass::kHistory;

// An engine that always holds 50 and takes on `rate` a second, each of cost 100, at random times.
void Serve(WaitEstimator& estimator, Random& random, double rate, double seconds, double& now) {
  const double end = now + seconds;
  while (true) {
    now -= std::log(1 - random.Uniform()) / rate;
    if (now > end) break;
    estimator.Advance(AtSeconds(now), true);
    estimator.OnFinish(100, 40, false, std::chrono::milliseconds(50));
    estimator.OnStart(100, 40, true);
  }
  now = end;
  estimator.Advance(AtSeconds(now), true);
}

void Fill(WaitEstimator& estimator) {
  for (int i = 0; i < 50; ++i) estimator.OnStart(100, 40, false);
}

TEST(WaitEstimator, MeasuresTheRateAtWhichWorkIsTakenOn) {
  WaitEstimator estimator;
  Random random(1);
  double now = 0;
  Fill(estimator);
  Serve(estimator, random, 20, 60, now);
  EXPECT_NEAR(estimator.capacity(), 2000, 250);
  const WaitEstimator::Estimate estimate = estimator.Wait(kClass, {.ahead = 10'000, .places = 100});
  EXPECT_NEAR(estimate.expected, 5, 0.8);
  EXPECT_LT(estimate.low, estimate.expected);
  EXPECT_GT(estimate.high, estimate.expected);
}

TEST(WaitEstimator, BelievesAChangeWithinSecondsAndNoiseNot) {
  WaitEstimator estimator;
  Random random(2);
  double now = 0;
  Fill(estimator);
  Serve(estimator, random, 20, 60, now);
  for (int i = 0; i < 100; ++i) {
    Serve(estimator, random, 20, 1, now);
    EXPECT_NEAR(estimator.capacity(), 2000, 600);
  }
  Serve(estimator, random, 4, 5, now);
  EXPECT_LT(estimator.capacity(), 1100);
  Serve(estimator, random, 20, 5, now);
  EXPECT_GT(estimator.capacity(), 1400);
}

TEST(WaitEstimator, CountsAStallAgainstTheWait) {
  WaitEstimator estimator;
  Random random(3);
  double now = 0;
  Fill(estimator);
  Serve(estimator, random, 20, 60, now);
  const double before = estimator.Wait(kClass, {.ahead = 1000, .places = 10}).expected;
  for (int i = 0; i < 100; ++i) estimator.Advance(AtSeconds(now += 0.1), true);
  EXPECT_GT(estimator.Wait(kClass, {.ahead = 1000, .places = 10}).expected, 5 * before);
}

TEST(WaitEstimator, GuessesFromWhatIsInFlightBeforeAnybodyHasWaited) {
  WaitEstimator estimator;
  estimator.Advance(AtSeconds(1), false);
  for (int i = 0; i < 50; ++i) estimator.OnStart(500, 200, false);
  estimator.OnFinish(500, 200, false, std::chrono::milliseconds(100));
  // 49 answers of 200 tokens, 0.1 s each: 2.45 a second.
  EXPECT_NEAR(estimator.capacity(), 49.0 / 20 * 500, 1);
  EXPECT_EQ(estimator.pressure(), 0);
}

TEST(WaitEstimator, WhatWaitsInTheEngineIsNoCapacity) {
  WaitEstimator estimator;
  estimator.Advance(AtSeconds(1), false);
  for (int i = 0; i < 32; ++i) estimator.OnStart(100, 40, false);
  for (int i = 0; i < 16; ++i) estimator.OnFirstToken(100, 40);
  estimator.OnFinish(100, 40, true, std::chrono::milliseconds(50));
  estimator.OnStart(100, 40, false);
  estimator.OnFirstToken(100, 40);
  EXPECT_NEAR(estimator.capacity(), 16 * 100 / (40 * 0.05), 1);
}

TEST(WaitEstimator, LowerClassesGetWhatIsLeftOrTheirShare) {
  WaitEstimator estimator;
  Random random(4);
  double now = 0;
  Fill(estimator);
  Serve(estimator, random, 20, 60, now);
  for (int i = 0; i < 100; ++i) {
    estimator.Advance(AtSeconds(now += 0.1), true);
    estimator.OnFinish(100, 40, false, std::chrono::milliseconds(50));
    estimator.OnStart(100, 40, true);
    estimator.OnFinish(100, 40, false, std::chrono::milliseconds(50));
    estimator.OnStart(100, 40, true);
    estimator.OnAdmitted(ServiceClass::kHistory, 150, false);
  }
  const double all = estimator.capacity();
  EXPECT_NEAR(estimator.CapacityFor(ServiceClass::kHistory, 0, 0), all, 1);
  EXPECT_NEAR(estimator.CapacityFor(ServiceClass::kNew, 0, 0.05), all - 1500 * 0.86, 200);
  const WaitEstimator::Line behind = {.above = 1e6, .ahead = 100, .places = 10, .share = 0.05};
  EXPECT_LT(estimator.Wait(ServiceClass::kNew, behind).expected, 300 / (0.05 * all));
}

TEST(WaitEstimator, CountsOnThoseWhoWillOvertake) {
  WaitEstimator estimator;
  Random random(5);
  double now = 0;
  Fill(estimator);
  Serve(estimator, random, 20, 60, now);
  const WaitEstimator::Line line = {.ahead = 10'000, .clients = 50, .places = 100, .until_next = 0};
  const double alone = estimator.Wait(kClass, line).expected;
  // Half of what comes stands before those who wait: a quarter of the rate, on average.
  for (int i = 0; i < 400; ++i) {
    estimator.OnAdmitted(kClass, 50, true);
    estimator.OnAdmitted(kClass, 50, false);
    Serve(estimator, random, 20, 0.05, now);
  }
  const double expected = estimator.Wait(kClass, line).expected;
  EXPECT_NEAR(expected / alone, 1 / (1 - 0.25), 0.1);
  WaitEstimator::Line first = line;
  first.behind = 1;
  EXPECT_NEAR(estimator.Wait(kClass, first).expected / alone, 1, 0.1);
  WaitEstimator::Line last = line;
  last.tag_lead = 100;
  EXPECT_GT(estimator.Wait(kClass, last).expected, expected + 1);
}

TEST(WaitEstimator, AClassMustEarnWhatItsRequestCosts) {
  WaitEstimator estimator;
  Random random(6);
  double now = 0;
  Fill(estimator);
  Serve(estimator, random, 20, 60, now);
  WaitEstimator::Line line = {.above = 1e6, .share = 0.05, .to_earn = 100, .until_next = 0};
  const double all = estimator.capacity();
  EXPECT_NEAR(estimator.Wait(ServiceClass::kNew, line).expected, 100 * 19 / all, 0.02);
  line.to_earn = 0;
  EXPECT_NEAR(estimator.Wait(ServiceClass::kNew, line).expected, 0, 0.02);
}

TEST(WaitEstimator, LearnsToCorrectItself) {
  WaitEstimator estimator;
  const WaitEstimator::Line line = {.ahead = 1000, .places = 100};
  estimator.OnStart(100, 40, false);
  const double before = estimator.Wait(kClass, line).expected;
  WaitEstimator::Estimate first;
  first.expected = first.uncorrected = 10;
  for (int i = 0; i < 2000; ++i) estimator.OnWaited(kClass, first, 10.5, 100);
  EXPECT_NEAR(estimator.Wait(kClass, line).expected, 1.05 * before, 0.02 * before);
  for (int i = 0; i < 2000; ++i) estimator.OnWaited(kClass, first, 100, 100);
  EXPECT_LE(estimator.Wait(kClass, line).expected, 1.11 * before);
}

}  // namespace
}  // namespace holdfast::guard
