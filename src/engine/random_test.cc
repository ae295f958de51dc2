#include "engine/random.h"

#include <gtest/gtest.h>

namespace holdfast::engine {
namespace {

// The known-answer vectors published with Random123 (kat_vectors, philox4x32, 10 rounds).
TEST(Random, PhiloxGivesThePublishedVectors) {
  EXPECT_EQ(Philox({0, 0, 0, 0}, {0, 0}),
            (PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, UnitIsUniformOverSeedsAndIndices) {
  for (const bool by_seed : {false, true}) {
    std::array<int, 16> counts{};
    double sum = 0;
    constexpr int kDraws = 160'000;
    constexpr int kPerBin = kDraws / 16;
    for (int i = 0; i < kDraws; ++i) {
      const double unit = by_seed ? RandomUnit(i, 3) : RandomUnit(3, i);
      ASSERT_GE(unit, 0.0);
      ASSERT_LT(unit, 1.0);
      sum += unit;
      ++counts[static_cast<int>(unit * 16)];
    }
    EXPECT_NEAR(sum / kDraws, 0.5, 0.005);
    // Standard deviation of a bin is 97; five of them.
    for (const int count : counts) EXPECT_NEAR(count, kPerBin, 485);
  }
}

}  // namespace
}  // namespace holdfast::engine
