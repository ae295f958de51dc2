#include "guard/overload/regulars.h"

#include <gtest/gtest.h>

namespace holdfast::guard {
namespace {

TEST(Regulars, WhoWasServedAWhileAgoIsOneAndStaysOneInACrowd) {
  Regulars regulars(64, 1);
  regulars.Note(7, false, AtSeconds(10));
  EXPECT_FALSE(regulars.Has(7)) << "not yet";
  regulars.Look(false, AtSeconds(24));
  EXPECT_FALSE(regulars.Has(7));
  regulars.Look(false, AtSeconds(25));
  EXPECT_TRUE(regulars.Has(7));
  regulars.Look(true, AtSeconds(26));
  regulars.Note(7, true, AtSeconds(27));
  EXPECT_TRUE(regulars.Has(7));
}

TEST(Regulars, WhoWasNewWhenACrowdCameIsNone) {
  Regulars regulars(64, 1);
  regulars.Note(7, false, AtSeconds(10));
  regulars.Look(true, AtSeconds(20));
  regulars.Note(8, true, AtSeconds(21));
  regulars.Look(false, AtSeconds(100));
  EXPECT_FALSE(regulars.Has(7));
  EXPECT_FALSE(regulars.Has(8));
}

TEST(Regulars, OfMoreNewOnesThanAreKeptTheOldestBecomeNone) {
  Regulars regulars(1 << 16, 1);
  for (std::uint64_t client = 1; client <= 16'385; ++client) {
    regulars.Note(client, false, AtSeconds(10));
  }
  regulars.Look(false, AtSeconds(100));
  EXPECT_FALSE(regulars.Has(1));
  EXPECT_TRUE(regulars.Has(2));
}

}  // namespace
}  // namespace holdfast::guard
