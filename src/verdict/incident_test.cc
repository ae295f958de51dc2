#include "verdict/incident.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace holdfast::verdict {
namespace {

using Change = IncidentTracker::Change;

// 20 requests a second; `lost_share(second)` of them are lost. Returns the number of changes.
template <typename LostShare>
int Drive(IncidentTracker& tracker, int from_s, int to_s, std::uint64_t seed,
          LostShare lost_share) {
  Random random(seed);
  int changes = 0;
  for (int second = from_s; second < to_s; ++second) {
    for (int i = 0; i < 20; ++i) {
      const bool is_lost = random.Uniform() < lost_share(second);
      tracker.Add(AtSeconds(second + i / 20.0), !is_lost);
    }
    if (tracker.Advance(AtSeconds(second + 0.999)) != Change::kNone) ++changes;
  }
  return changes;
}

TEST(IncidentTracker, OpensWithinSecondsAndKnowsTheOnset) {
  IncidentTracker tracker;
  EXPECT_EQ(Drive(tracker, 0, 300, 1, [](int) { return 0.003; }), 0);
  EXPECT_EQ(Drive(tracker, 300, 310, 2, [](int) { return 0.4; }), 1);
  ASSERT_TRUE(tracker.is_open());
  EXPECT_EQ(tracker.incident().number, 1U);
  EXPECT_EQ(tracker.incident().onset, AtSeconds(300));
  EXPECT_LE(tracker.incident().opened, AtSeconds(307));
}

TEST(IncidentTracker, ClosesAfterALongQuietOnly) {
  IncidentTracker tracker;
  Drive(tracker, 0, 60, 1, [](int second) { return second < 20 ? 0.0 : 0.5; });
  ASSERT_TRUE(tracker.is_open());
  Drive(tracker, 60, 85, 2, [](int) { return 0.0; });
  EXPECT_TRUE(tracker.is_open());
  Drive(tracker, 85, 110, 3, [](int) { return 0.0; });
  EXPECT_FALSE(tracker.is_open());
  EXPECT_NEAR(ToSeconds(tracker.incident().end), 60, 2);
}

TEST(IncidentTracker, GoesOnWithAnIncidentThatComesBackSoon) {
  for (const int pause_s : {70, 300}) {
    IncidentTracker tracker;
    const int back_s = 60 + pause_s;
    Drive(tracker, 0, back_s, 1,
          [](int second) { return second < 20 || second >= 60 ? 0.0 : 0.5; });
    ASSERT_FALSE(tracker.is_open());
    Drive(tracker, back_s, back_s + 20, 2, [](int) { return 0.5; });
    ASSERT_TRUE(tracker.is_open());
    const bool is_same = pause_s < 120;
    EXPECT_EQ(tracker.incident().number, is_same ? 1U : 2U);
    EXPECT_EQ(tracker.incident().onset, AtSeconds(is_same ? 20 : back_s));
    EXPECT_EQ(tracker.incident().closed, Time{});
    EXPECT_GE(tracker.incident().opened, AtSeconds(back_s));
  }
}

// The share that is lost jumps about the opening threshold for half an hour, in every pattern.
TEST(IncidentTracker, DoesNotFlap) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Random random(seed);
    const int period_s = 1 + static_cast<int>(25 * random.Uniform());
    const double high = 0.04 + 0.1 * random.Uniform();
    const double low = 0.04 * random.Uniform();
    IncidentTracker tracker;
    const int changes = Drive(tracker, 0, 1800, seed,
                              [&](int second) { return second / period_s % 2 == 0 ? high : low; });
    EXPECT_LE(changes, 2) << "seed " << seed << ": " << low << " to " << high << " every "
                          << period_s << " s";
  }
}

TEST(IncidentTracker, StaysClosedUnderOrdinaryLossAndFewRequests) {
  IncidentTracker tracker;
  EXPECT_EQ(Drive(tracker, 0, 3600, 5, [](int) { return 0.01; }), 0);
  IncidentTracker few;
  for (int second = 0; second < 600; second += 5) {
    few.Add(AtSeconds(second), second % 2 == 0);
    few.Advance(AtSeconds(second));
  }
  EXPECT_FALSE(few.is_open());
}

TEST(IncidentTracker, TurningAnAttackAwayIsNoIncident) {
  IncidentTracker tracker;
  for (int second = 0; second < 60; ++second) {
    for (int i = 0; i < 200; ++i) tracker.Add(AtSeconds(second), false, 0.001);
    for (int i = 0; i < 20; ++i) tracker.Add(AtSeconds(second), true, 0.99);
    EXPECT_EQ(tracker.Advance(AtSeconds(second)), Change::kNone);
  }
}

TEST(IncidentTracker, FailingProbesOpenWhenNothingArrives) {
  IncidentTracker tracker;
  bool has_opened = false;
  for (int second = 0; second < 60; ++second) {
    if (second % 2 == 0) tracker.AddProbe(AtSeconds(second), second < 20);
    has_opened |= tracker.Advance(AtSeconds(second)) == Change::kOpened;
  }
  EXPECT_TRUE(has_opened);
}

}  // namespace
}  // namespace holdfast::verdict
