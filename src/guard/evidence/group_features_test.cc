#include "guard/evidence/group_features.h"

#include <cmath>

#include <gtest/gtest.h>

#include "guard/evidence/group_table.h"

namespace holdfast::guard {
namespace {

GroupFeatures GroupOf(std::uint32_t clients) {
  GroupFeatures group{.clients = clients};
  group.with[static_cast<int>(Trait::kEntered)] = clients;
  return group;
}

TEST(Misconduct, IsNothingWithoutOccasion) {
  const Conduct ordinary;
  EXPECT_NEAR(Misconduct(GroupOf(5000), ordinary, Surface::kProgram, false), 0, 0.1);
}

TEST(Misconduct, RisesWithAnswersNotReadAndAdviceIgnored) {
  const Conduct ordinary;
  GroupFeatures group = GroupOf(500);
  group.with[static_cast<int>(Trait::kServed)] = 300;
  group.with[static_cast<int>(Trait::kRead)] = 270;
  const double ordinary_readers = Misconduct(group, ordinary, Surface::kProgram, false);
  group.with[static_cast<int>(Trait::kRead)] = 60;
  const double few_readers = Misconduct(group, ordinary, Surface::kProgram, false);
  EXPECT_LT(ordinary_readers, 0.1);
  EXPECT_GT(few_readers, 0.8);
  group.with[static_cast<int>(Trait::kTold)] = 200;
  group.with[static_cast<int>(Trait::kIgnored)] = 195;
  EXPECT_GT(Misconduct(group, ordinary, Surface::kProgram, false), few_readers + 0.6);
}

TEST(Misconduct, OfFewOccasionsIsShrunkTowardsNone) {
  const Conduct ordinary;
  GroupFeatures group = GroupOf(500);
  group.with[static_cast<int>(Trait::kServed)] = 2;
  EXPECT_LT(Misconduct(group, ordinary, Surface::kProgram, false), 0.3);
}

TEST(Misconduct, OfOnePaceExceedsThatOfManyPaces) {
  const Conduct ordinary;
  GroupFeatures even = GroupOf(500);
  GroupFeatures spread = GroupOf(500);
  for (int i = 0; i < 200; ++i) {
    even.gaps.Add(FromSeconds(12 + 0.01 * (i % 20)));
    spread.gaps.Add(FromSeconds(std::exp2(i % 6)));
  }
  EXPECT_GT(Misconduct(even, ordinary, Surface::kProgram, false),
            Misconduct(spread, ordinary, Surface::kProgram, false) + 0.8);
}

TEST(MoveOn, HalvesCountsAndKeepsDeviations) {
  GroupFeatures group = GroupOf(800);
  for (int i = 0; i < 101; ++i) group.gaps.Add(FromSeconds(std::exp2(i % 6)));
  const double deviation = group.gaps.Deviation();
  MoveOn(group, 2, 0, 1);
  EXPECT_EQ(group.clients, 200U);
  EXPECT_EQ(group.With(Trait::kEntered), 200U);
  EXPECT_NEAR(group.gaps.Deviation(), deviation, 0.05);
  EXPECT_EQ(group.usual, 0);
}

TEST(MoveOn, LearnsWhatIsUsualAndForgetsItWhenNobodyComes) {
  GroupFeatures group;
  for (std::uint32_t epoch = 1; epoch < 100; ++epoch) {
    group.clients += 50;
    MoveOn(group, epoch, 0.1, 2);
  }
  EXPECT_NEAR(group.usual, 2 * 2 * 50, 8);
  MoveOn(group, 1000, 0.1, 2);
  EXPECT_LT(group.usual, 1);
}

TEST(GroupTable, InAFullSetTheSmallestGroupMakesRoom) {
  GroupTable table(8);  // One set.
  for (std::uint64_t name = 1; name <= 8; ++name) {
    table.Take(name, 0).clients = static_cast<std::uint32_t>(100 + name);
  }
  table.Take(5, 0).clients = 3;
  for (std::uint64_t stranger = 100; stranger < 10'000; ++stranger) table.Take(stranger, 0);
  for (std::uint64_t name = 1; name <= 8; ++name) {
    EXPECT_EQ(table.Find(name) != nullptr, name != 5) << name;
  }
}

}  // namespace
}  // namespace holdfast::guard
