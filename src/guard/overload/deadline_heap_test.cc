#include "guard/overload/deadline_heap.h"

#include <set>

#include <gtest/gtest.h>

#include "base/random.h"

namespace holdfast::guard {
namespace {

TEST(DeadlineHeap, AgreesWithASet) {
  constexpr std::uint32_t kSlots = 100;
  Random random(5);
  DeadlineHeap heap(kSlots);
  std::set<std::pair<Time, std::uint32_t>> expected;
  std::vector<Time> deadlines(kSlots, Time::max());
  EXPECT_TRUE(heap.is_empty());
  EXPECT_EQ(heap.deadline(), Time::max());
  for (int step = 0; step < 20'000; ++step) {
    const auto slot = static_cast<std::uint32_t>(random.Next() % kSlots);
    if (deadlines[slot] == Time::max()) {
      deadlines[slot] = Time(Duration(random.Next() % 50));
      heap.Insert(slot, deadlines[slot]);
      expected.insert({deadlines[slot], slot});
    } else {
      heap.Erase(slot);
      expected.erase({deadlines[slot], slot});
      deadlines[slot] = Time::max();
    }
    ASSERT_EQ(heap.is_empty(), expected.empty());
    if (expected.empty()) continue;
    EXPECT_EQ(heap.deadline(), expected.begin()->first);
    EXPECT_EQ(heap.first(), expected.begin()->second);
  }
}

}  // namespace
}  // namespace holdfast::guard
