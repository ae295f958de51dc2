#include "guard/tables/tag_table.h"

#include <gtest/gtest.h>

namespace holdfast::guard {
namespace {

TEST(TagTable, KeepsValuesByNameUntilTheyAreForgotten) {
  TagTable table(1 << 10, 7);
  for (std::uint32_t name = 1; name <= 300; ++name) table.Touch(name) = name;
  for (std::uint32_t name = 1; name <= 300; ++name) EXPECT_EQ(table.Find(name), name);
  table.Touch(5) = 0;
  EXPECT_EQ(table.Find(5), 0u);
  EXPECT_EQ(table.Find(301), 0u);
}

TEST(TagTable, FullLetsTheLeastGoAndNeverCountsTooFew) {
  TagTable table(8, 7);  // One set.
  for (std::uint32_t name = 1; name <= 8; ++name) table.Touch(name) = 10 * name;
  ++table.Touch(100);
  EXPECT_EQ(table.Find(1), 0u);
  EXPECT_EQ(table.Find(100), 11u);  // At least the one time it came.
  EXPECT_EQ(table.Find(8), 80u);
  EXPECT_EQ(table.state_bytes(), 64u);
}

TEST(TagTable, TakesNoStrangerForKnown) {
  TagTable table(1 << 16, 3);
  for (std::uint64_t name = 0; name < 60'000; ++name) table.Touch(name << 20) = 1;
  int known = 0;
  for (std::uint64_t name = 1; name < 1'000'000; ++name) known += table.Find(name * 977 + 1) != 0;
  EXPECT_LE(known, 1);
}

}  // namespace
}  // namespace holdfast::guard
