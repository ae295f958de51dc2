#include "guard/overload/pacer.h"

#include <gtest/gtest.h>

namespace holdfast::guard {
namespace {

using std::chrono::milliseconds;

TEST(Pacer, SpacesStartsByTheirCost) {
  Pacer pacer;
  pacer.OnStart(100, 1000, 0, true, AtSeconds(10));
  EXPECT_NEAR(ToSeconds(pacer.due()), 10 - 0.02 + 0.1, 1e-6);
  const Time due = pacer.due();
  pacer.OnStart(300, 1000, 0, true, due);
  EXPECT_EQ(pacer.due() - due, milliseconds(300));
  // A few milliseconds late are made up for.
  const Time next = pacer.due();
  pacer.OnStart(100, 1000, 0, true, next + milliseconds(5));
  EXPECT_EQ(pacer.due() - next, milliseconds(100));
}

TEST(Pacer, DoesNotMakeUpForTimeInWhichTheEngineTookNothing) {
  Pacer pacer;
  pacer.OnStart(100, 1000, 0, true, AtSeconds(10));
  pacer.OnStart(100, 1000, 0, true, AtSeconds(20));
  EXPECT_GE(pacer.due(), AtSeconds(20) + milliseconds(80));
}

TEST(Pacer, CountsFromNowWhatDidNotWait) {
  Pacer pacer;
  for (int i = 0; i < 50; ++i) pacer.OnStart(100, 1000, 1, false, AtSeconds(10));
  EXPECT_LE(pacer.due(), AtSeconds(10) + milliseconds(100));
}

TEST(Pacer, GoesFasterWhileThereIsRoomAndSlowerAboveTheLimits) {
  Pacer pacer;
  const auto gap = [&](double room) {
    const Time now = std::max(pacer.due(), AtSeconds(1));
    pacer.OnStart(100, 1000, room, false, now);
    return pacer.due() - now;
  };
  EXPECT_LT(gap(1), milliseconds(80));
  EXPECT_EQ(gap(0), milliseconds(100));
  EXPECT_GT(gap(-1), milliseconds(140));
  for (int i = 0; i < 200; ++i) gap(1);
  EXPECT_NEAR(pacer.factor(), 1.3, 0.01);
}

}  // namespace
}  // namespace holdfast::guard
