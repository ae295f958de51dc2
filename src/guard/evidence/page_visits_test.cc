#include "guard/evidence/page_visits.h"

#include <gtest/gtest.h>

namespace holdfast::guard {
namespace {

TEST(PageVisits, KnowsWhenAnAddressLastLoadedAPage) {
  PageVisits visits(64);
  EXPECT_EQ(visits.Last(5), std::nullopt);
  visits.Add(5, AtSeconds(1));
  visits.Add(5, AtSeconds(9));
  EXPECT_EQ(visits.Last(5), AtSeconds(9));
  EXPECT_EQ(visits.Last(0), std::nullopt);
}

TEST(PageVisits, InAFullSetTheOldestMakesRoom) {
  PageVisits visits(4);  // One set.
  for (std::uint64_t address = 1; address <= 4; ++address) {
    visits.Add(address, AtSeconds(static_cast<double>(address)));
  }
  visits.Add(1, AtSeconds(5));
  visits.Add(9, AtSeconds(6));
  EXPECT_EQ(visits.Last(2), std::nullopt);
  EXPECT_EQ(visits.Last(1), AtSeconds(5));
  EXPECT_EQ(visits.Last(9), AtSeconds(6));
}

}  // namespace
}  // namespace holdfast::guard
