#include "guard/overload/stress.h"

#include <chrono>

#include <gtest/gtest.h>

namespace holdfast::guard {
namespace {

using std::chrono::seconds;

// A look each second of [from_s, to_s) at this pressure; who waits, waits all the time.
void LookAt(Stress& stress, double pressure, int from_s, int to_s, bool waits = false) {
  for (int s = from_s; s < to_s; ++s) stress.Look(pressure, pressure, waits, AtSeconds(s));
}

// From 100 s of 60 % on, the first second at which it is pressed; -1: never within two minutes.
int PressedAfter(double pressure) {
  Stress stress(seconds(0), seconds(0));
  LookAt(stress, 0.6, 0, 100);
  for (int s = 0; s < 120; ++s) {
    stress.Look(pressure, pressure, false, AtSeconds(100 + s));
    if (!stress.is_quiet(AtSeconds(100 + s))) return s;
  }
  return -1;
}

TEST(Stress, WhoWaitsMakesItShortForAMinuteAndIsNoIncident) {
  Stress stress(seconds(0), seconds(0));
  LookAt(stress, 0.5, 0, 50, true);
  EXPECT_TRUE(stress.is_short(AtSeconds(100)));
  EXPECT_FALSE(stress.is_short(AtSeconds(110)));
  EXPECT_TRUE(stress.is_quiet(AtSeconds(50)));
  EXPECT_TRUE(stress.may_learn(AtSeconds(50)));
}

TEST(Stress, AFewSecondsOfDemandNearCapacityAreNoIncident) {
  Stress stress(seconds(0), seconds(0));
  LookAt(stress, 0.5, 0, 100);
  LookAt(stress, 1.1, 100, 108);
  EXPECT_TRUE(stress.is_short(AtSeconds(108)));
  EXPECT_TRUE(stress.is_quiet(AtSeconds(108)));
  EXPECT_TRUE(stress.may_learn(AtSeconds(108)));
}

TEST(Stress, WhatPressesIsKnownTheSoonerTheMoreItIs) {
  EXPECT_EQ(PressedAfter(0.7), -1);
  EXPECT_LE(PressedAfter(1.2), 30);
  EXPECT_LE(PressedAfter(2), 8);
  EXPECT_LE(PressedAfter(8), 2);
}

TEST(Stress, TimeIsQuietAMinuteAfterWhatPressedHoweverMuchItWas) {
  for (const double pressure : {1.2, 8.0, 1000.0}) {
    Stress stress(seconds(0), seconds(0));
    LookAt(stress, pressure, 0, 300);
    LookAt(stress, 0.3, 300, 360);
    EXPECT_FALSE(stress.is_quiet(AtSeconds(360))) << pressure;
    LookAt(stress, 0.3, 360, 400);
    EXPECT_TRUE(stress.is_quiet(AtSeconds(400))) << pressure;
    EXPECT_TRUE(stress.may_learn(AtSeconds(400))) << pressure;
  }
}

TEST(Stress, AHouseThatIsFullIsNotCrowdedAndAFloodIsWithinSeconds) {
  Stress stress(seconds(0), seconds(0));
  LookAt(stress, 1.1, 0, 600);
  EXPECT_FALSE(stress.is_quiet(AtSeconds(600)));
  EXPECT_TRUE(stress.is_uncrowded(AtSeconds(600)));
  LookAt(stress, 50, 600, 602);
  EXPECT_FALSE(stress.is_uncrowded(AtSeconds(602)));
  EXPECT_FALSE(stress.is_uncrowded(AtSeconds(660)));
}

TEST(Stress, WhoComesAgainWithoutHeedIsNoDemandAndCrowds) {
  Stress stress(seconds(0), seconds(0));
  LookAt(stress, 0.5, 0, 100);
  for (int s = 100; s < 200; ++s) stress.Look(0.5, 20, false, AtSeconds(s));
  EXPECT_FALSE(stress.is_uncrowded(AtSeconds(200)));
  EXPECT_FALSE(stress.is_quiet(AtSeconds(200))) << "nothing is learned of an attack";
}

TEST(Stress, AtFirstItMustShowWhetherAnythingPresses) {
  Stress stress(seconds(60), seconds(10));
  LookAt(stress, 0, 1000, 1009);
  EXPECT_FALSE(stress.is_quiet(AtSeconds(1009)));
  LookAt(stress, 0, 1009, 1011);
  EXPECT_TRUE(stress.is_quiet(AtSeconds(1010)));
  EXPECT_FALSE(stress.may_learn(AtSeconds(1059)));
  EXPECT_TRUE(stress.may_learn(AtSeconds(1060)));
}

}  // namespace
}  // namespace holdfast::guard
