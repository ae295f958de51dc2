#include "net/stop.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "net/asio.h"

namespace holdfast::net {
namespace {

using std::chrono::hours;

TEST(StopSource, TellsEveryListenerOnceAndKeepsTheFirstReason) {
  asio::io_context context;
  StopSource source(context.get_executor());
  std::string heard;
  const StopSource::Listener a = source.OnStop([&] { heard += 'a'; });
  const StopSource::Listener b = source.OnStop([&] { heard += 'b'; });
  EXPECT_FALSE(source.is_stopped());
  source.Stop(StopReason::kClientLeft);
  source.Stop(StopReason::kShutdown);
  EXPECT_EQ(heard, "ab");
  EXPECT_EQ(source.reason(), StopReason::kClientLeft);
  const StopSource::Listener late = source.OnStop([&] { heard += 'c'; });
  EXPECT_EQ(heard, "abc");
}

TEST(StopSource, ForgetsWhoStoppedListening) {
  asio::io_context context;
  StopSource source(context.get_executor());
  std::string heard;
  std::optional<StopSource::Listener> second;
  // The first ends the second, and itself, while they are being told.
  std::optional<StopSource::Listener> first;
  first.emplace(source.OnStop([&] {
    heard += '1';
    second.reset();
    first.reset();
  }));
  second.emplace(source.OnStop([&] { heard += '2'; }));
  const StopSource::Listener third = source.OnStop([&] { heard += '3'; });
  source.Stop(StopReason::kLimit);
  EXPECT_EQ(heard, "13");
}

TEST(StopSource, StopsAtTheLastTimeThatWasSet) {
  asio::io_context context;
  StopSource source(context.get_executor());
  source.StopAt(Clock::now());
  source.StopAt(Clock::now() + hours(1));
  source.StopAt(kNoDeadline);
  context.run();
  EXPECT_FALSE(source.is_stopped());
  context.restart();
  source.StopAt(Clock::now());
  context.run();
  EXPECT_EQ(source.reason(), StopReason::kDeadline);
}

TEST(StopSource, MayDieWhileItsTimeIsDue) {
  asio::io_context context;
  bool was_told = false;
  {
    StopSource source(context.get_executor());
    const StopSource::Listener listener = source.OnStop([&] { was_told = true; });
    source.StopAt(Clock::now());
  }
  context.run();
  EXPECT_FALSE(was_told);
}

}  // namespace
}  // namespace holdfast::net
