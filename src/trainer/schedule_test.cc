#include "trainer/schedule.h"

#include <gtest/gtest.h>

namespace holdfast::trainer {
namespace {

constexpr Schedule kSchedule{
    .peak = 1.0, .final_ratio = 0.1, .warmup_steps = 10, .decay_fraction = 0.4, .total_steps = 100};

TEST(Schedule, WarmsUpStaysAndDecaysToItsFinalRatio) {
  EXPECT_DOUBLE_EQ(LearningRate(kSchedule, 0), 0.1);
  EXPECT_DOUBLE_EQ(LearningRate(kSchedule, 9), 1.0);
  EXPECT_DOUBLE_EQ(LearningRate(kSchedule, 59), 1.0);
  EXPECT_LT(LearningRate(kSchedule, 60), 1.0);
  EXPECT_NEAR(LearningRate(kSchedule, 79), 0.55, 1e-12);
  EXPECT_NEAR(LearningRate(kSchedule, 99), 0.1, 1e-12);
  for (int step = 60; step < 99; ++step) {
    EXPECT_GT(LearningRate(kSchedule, step), LearningRate(kSchedule, step + 1));
  }
}

TEST(Schedule, WithoutDecayTheRateStays) {
  const Schedule flat{.peak = 2, .final_ratio = 0, .warmup_steps = 0, .total_steps = 5};
  for (int step = 0; step < 5; ++step) EXPECT_EQ(LearningRate(flat, step), 2);
}

TEST(Schedule, DecayNowKeepsTheShapeAndNeverRaisesTheRate) {
  const std::int64_t total = TotalStepsWithDecayNow(kSchedule, 30);
  EXPECT_EQ(total, 50);
  Schedule shorter = kSchedule;
  shorter.total_steps = total;
  EXPECT_EQ(DecayStart(shorter), 30);
  EXPECT_NEAR(LearningRate(shorter, 49), 0.1, 1e-12);
  // Once the decay runs there is nothing to start.
  EXPECT_EQ(TotalStepsWithDecayNow(kSchedule, 70), 100);
}

TEST(Schedule, DeadlineStartsTheDecayWhenTheTimeLeftIsWhatItNeeds) {
  // One second a step and 80 seconds in all: 32 of them for the decay.
  EXPECT_EQ(TotalStepsForDeadline(kSchedule, 20, 60, 1.0), 100);
  EXPECT_EQ(TotalStepsForDeadline(kSchedule, 48, 32, 1.0), 80);
  // Time enough, or a speed not known yet: as planned.
  EXPECT_EQ(TotalStepsForDeadline(kSchedule, 48, 500, 1.0), 100);
  EXPECT_EQ(TotalStepsForDeadline(kSchedule, 48, 1, 0.0), 100);
  // A decay that runs late is shortened, within reason.
  EXPECT_EQ(TotalStepsForDeadline(kSchedule, 70, 20, 1.0), 90);
  EXPECT_EQ(TotalStepsForDeadline(kSchedule, 70, 29.9, 1.0), 100);
  EXPECT_EQ(TotalStepsForDeadline(kSchedule, 70, -5, 1.0), 70);
}

}  // namespace
}  // namespace holdfast::trainer
