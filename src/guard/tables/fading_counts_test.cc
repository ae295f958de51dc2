#include "guard/tables/fading_counts.h"

#include <gtest/gtest.h>

namespace holdfast::guard {
namespace {

using std::chrono::hours;

TEST(FadingCounts, CountsHalveWithTime) {
  FadingCounts counts(64, hours(24), 1);
  for (int i = 0; i < 9; ++i) counts.Add(5, AtSeconds(0));
  EXPECT_EQ(counts.Find(5, AtSeconds(0)), 9u);
  EXPECT_EQ(counts.Find(6, AtSeconds(0)), 0u);
  EXPECT_EQ(counts.Find(5, AtSeconds(25 * 3600)), 4u);
  counts.Add(5, AtSeconds(25 * 3600));
  EXPECT_EQ(counts.Find(5, AtSeconds(25 * 3600)), 5u);
  EXPECT_EQ(counts.Find(5, AtSeconds(1000 * 24 * 3600)), 0u);
}

TEST(FadingCounts, ForgetsOneName) {
  FadingCounts counts(64, hours(24), 1);
  counts.Add(5, AtSeconds(0));
  counts.Add(6, AtSeconds(0));
  counts.Forget(5);
  EXPECT_EQ(counts.Find(5, AtSeconds(0)), 0u);
  EXPECT_EQ(counts.Find(6, AtSeconds(0)), 1u);
}

TEST(FadingCounts, ANewNameInAFullSetBeginsAnew) {
  FadingCounts counts(8, hours(24), 1);
  for (std::uint64_t name = 1; name <= 8; ++name) {
    for (int i = 0; i < 90; ++i) counts.Add(name, AtSeconds(0));
  }
  counts.Add(9, AtSeconds(0));
  EXPECT_EQ(counts.Find(9, AtSeconds(0)), 1u);
}

TEST(FadingCounts, ACountDoesNotWrap) {
  FadingCounts counts(8, hours(24), 1);
  for (int i = 0; i < 100'000; ++i) counts.Add(1, AtSeconds(0));
  EXPECT_EQ(counts.Find(1, AtSeconds(0)), 65535u);
}

}  // namespace
}  // namespace holdfast::guard
