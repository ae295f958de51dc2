#include "drill/possible.h"

#include <vector>

#include <gtest/gtest.h>

namespace holdfast::drill {
namespace {

using guard::AtSeconds;
using guard::Time;
using std::chrono::seconds;

std::vector<Time> Every(double interval_s, double from_s, double to_s) {
  std::vector<Time> times;
  for (double at = from_s; at < to_s; at += interval_s) times.push_back(AtSeconds(at));
  return times;
}

TEST(Possible, IsTheDemandBelowCapacityAndCapacityAbove) {
  const PossibleOptions options{
      .capacity_per_s = 10, .waits_max = seconds(5), .from = AtSeconds(20), .to = AtSeconds(120)};
  EXPECT_NEAR(CountPossible(Every(0.25, 0, 120), options), 400, 1);
  EXPECT_NEAR(CountPossible(Every(0.01, 0, 120), options), 1000, 1);
}

TEST(Possible, ServesOfAPeakWhatCanWait) {
  // 200 come at once; ten a second are taken up for five seconds, and the one at the end of them.
  const std::vector<Time> peak(200, AtSeconds(1));
  EXPECT_EQ(
      CountPossible(peak, {.capacity_per_s = 10, .waits_max = seconds(5), .to = AtSeconds(99)}),
      51u);
  EXPECT_EQ(
      CountPossible(peak, {.capacity_per_s = 10, .waits_max = seconds(60), .to = AtSeconds(99)}),
      200u);
}

}  // namespace
}  // namespace holdfast::drill
