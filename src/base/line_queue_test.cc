#include "base/line_queue.h"

#include <future>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::log {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kPatience{60'000};

// A place that takes its first line only when it is told to.
struct StallingPlace {
  std::promise<void> is_stalled;
  std::promise<void> go_on;
  std::vector<std::string> lines;
  void Write(std::string_view line) {
    lines.emplace_back(line);
    if (lines.size() > 1) return;
    is_stalled.set_value();
    go_on.get_future().wait();
  }
};

TEST(LineQueue, WritesInOrder) {
  std::vector<std::string> lines;
  LineQueue& queue = LineQueue::Make(10, [&](std::string_view line) { lines.emplace_back(line); });
  for (const char* line : {"a", "b", "c"}) queue.Push(line);
  EXPECT_TRUE(queue.Flush(kPatience));
  EXPECT_EQ(lines, (std::vector<std::string>{"a", "b", "c"}));
}

TEST(LineQueue, DropsAndCountsWhileItsPlaceStallsAndSaysSoLater) {
  const auto place = std::make_shared<StallingPlace>();
  LineQueue& queue = LineQueue::Make(2, [place](std::string_view line) { place->Write(line); });
  queue.Push("first");
  place->is_stalled.get_future().wait();
  for (const char* line : {"second", "third", "dropped", "dropped"}) queue.Push(line);
  EXPECT_EQ(queue.dropped_count(), 2u);
  EXPECT_FALSE(queue.Flush(milliseconds(1)));
  place->go_on.set_value();
  EXPECT_TRUE(queue.Flush(kPatience));
  EXPECT_EQ(place->lines,
            (std::vector<std::string>{"first", "second",
                                      "the log was stalled: 2 lines were dropped\n", "third"}));
}

}  // namespace
}  // namespace holdfast::log
