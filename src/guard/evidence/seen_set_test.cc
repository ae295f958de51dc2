#include "guard/evidence/seen_set.h"

#include <gtest/gtest.h>

#include "base/mix.h"

namespace holdfast::guard {
namespace {

TEST(SeenSet, NeverForgetsTheLastNamesAndKnowsFewStrangers) {
  constexpr std::uint64_t kNames = 10'000;
  SeenSet set(kNames);
  const std::size_t bytes = set.state_bytes();
  for (std::uint64_t i = 0; i < 5 * kNames; ++i) set.Add(Mix64(i, 1));
  for (std::uint64_t i = 4 * kNames; i < 5 * kNames; ++i) EXPECT_TRUE(set.Contains(Mix64(i, 1)));
  int strangers_known = 0;
  for (std::uint64_t i = 0; i < kNames; ++i) strangers_known += set.Contains(Mix64(i, 2)) ? 1 : 0;
  EXPECT_LT(strangers_known, kNames / 50);
  EXPECT_EQ(set.state_bytes(), bytes);
}

TEST(SeenSet, ForgetsWhatIsOlderThanTwiceItsSize) {
  SeenSet set(1000);
  set.Add(7);
  for (std::uint64_t i = 0; i < 3000; ++i) set.Add(Mix64(i, 3));
  EXPECT_FALSE(set.Contains(7));
}

}  // namespace
}  // namespace holdfast::guard
