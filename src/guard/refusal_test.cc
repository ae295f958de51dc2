#include "guard/refusal.h"

#include <gtest/gtest.h>

namespace holdfast::guard {
namespace {

TEST(Refusal, EveryWordNamesOneRefusal) {
  for (int i = 0; i < kRefusalCount; ++i) {
    const auto refusal = static_cast<Refusal>(i);
    EXPECT_EQ(FindRefusal(RefusalWord(refusal)), refusal);
  }
  EXPECT_EQ(FindRefusal("no_such_word"), std::nullopt);
}

}  // namespace
}  // namespace holdfast::guard
