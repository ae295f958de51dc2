#include "drill/event_queue.h"

#include <queue>
#include <vector>

#include <gtest/gtest.h>

#include "drill/random_stream.h"

namespace holdfast::drill {
namespace {

TEST(EventQueue, IsEmptyAtFirstAndThenNever) {
  EventQueue queue;
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.NextTime(), guard::Time::max());
  queue.Push({.at_us = 5, .subject = 7});
  EXPECT_EQ(queue.NextTime(), guard::Time(guard::Duration(5)));
  EXPECT_EQ(queue.Pop().subject, 7u);
  EXPECT_TRUE(queue.empty());
}

// Against a binary heap, with pushes between pops, many at the same time. Seed 4.
TEST(EventQueue, GivesEventsInOrderOfTime) {
  RandomStream random(4);
  EventQueue queue;
  std::priority_queue<std::int64_t, std::vector<std::int64_t>, std::greater<>> expected;
  std::int64_t now = 0;
  for (int i = 0; i < 200'000; ++i) {
    if (expected.empty() || random.Chance(0.51)) {
      const std::int64_t span = std::int64_t{1} << random.Below(34);
      const std::int64_t at =
          now + static_cast<std::int64_t>(random.Uniform() * static_cast<double>(span));
      queue.Push({.at_us = at});
      expected.push(at);
    } else {
      ASSERT_EQ(queue.NextTime(), guard::Time(guard::Duration(expected.top())));
      now = queue.Pop().at_us;
      ASSERT_EQ(now, expected.top());
      expected.pop();
    }
    ASSERT_EQ(queue.size(), expected.size());
  }
}

}  // namespace
}  // namespace holdfast::drill
