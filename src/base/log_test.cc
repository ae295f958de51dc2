#include "base/log.h"

#include <optional>

#include <gtest/gtest.h>

namespace holdfast::log {
namespace {

TEST(RateLimited, LetsSomeThroughEachSecondAndCountsTheOthers) {
  RateLimited lines(2);
  EXPECT_EQ(lines.Admit(1), 0u);
  EXPECT_EQ(lines.Admit(1), 0u);
  const std::uint64_t before = held_back_count();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(lines.Admit(1), std::nullopt);
  EXPECT_EQ(held_back_count() - before, 5u);
  EXPECT_EQ(lines.Admit(2), 5u);
  EXPECT_EQ(lines.Admit(2), 0u);
  EXPECT_EQ(lines.Admit(2), std::nullopt);
  EXPECT_EQ(lines.Admit(9), 1u);
}

}  // namespace
}  // namespace holdfast::log
