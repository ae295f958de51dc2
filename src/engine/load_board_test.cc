#include "engine/load_board.h"

#include <gtest/gtest.h>

namespace holdfast::engine {
namespace {

using namespace std::chrono_literals;
using TimePoint = RateWindow::TimePoint;

TEST(LoadBoard, GivesTheLastPostAndTheRateOfTheLastSeconds) {
  LoadBoard board;
  const TimePoint start{100s};
  for (int i = 0; i < 100; ++i) board.Post({.running = i}, start + i * 100ms, 7);
  const Load load = board.Read(start + 10s);
  EXPECT_EQ(load.running, 99);
  EXPECT_NEAR(load.tokens_per_second, 70, 10);
}

TEST(LoadBoard, RateFallsToZeroWhenNothingHappens) {
  LoadBoard board;
  const TimePoint start{100s};
  board.Post({}, start, 1000);
  const double first = board.Read(start + 100ms).tokens_per_second;
  EXPECT_GT(first, 100);
  EXPECT_EQ(board.Read(start + 6s).tokens_per_second, 0);
}

TEST(LoadBoard, RateCountsFromTheClocksFirstSecond) {
  RateWindow window;
  window.Add(TimePoint{}, 10);
  EXPECT_GT(window.PerSecond(TimePoint{}), 0);
}

}  // namespace
}  // namespace holdfast::engine
