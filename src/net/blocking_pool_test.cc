#include "net/blocking_pool.h"

#include <future>
#include <latch>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include "net/io_threads.h"

namespace holdfast::net {
namespace {

// What one caller saw of its piece of work.
template <typename Value>
struct Seen {
  Result<Value> result;
  std::thread::id resumed_on;
};

template <typename Work>
using SeenBy = Seen<std::invoke_result_t<Work&>>;

template <typename Work>
Awaitable<void> RunAndTell(BlockingPool& pool, Work work, std::promise<SeenBy<Work>> seen) {
  auto result = co_await pool.Run(std::move(work));
  seen.set_value({std::move(result), std::this_thread::get_id()});
}

// Runs `work` for a coroutine on the I/O thread.
template <typename Work>
std::future<SeenBy<Work>> Start(IoThreads& io, BlockingPool& pool, Work work) {
  std::promise<SeenBy<Work>> promise;
  std::future<SeenBy<Work>> seen = promise.get_future();
  io.Spawn(0, RunAndTell(pool, std::move(work), std::move(promise)));
  return seen;
}

std::thread::id ThreadOf(IoThreads& io) {
  std::thread::id id;
  io.Run(0, [&id] { id = std::this_thread::get_id(); });
  return id;
}

// Holds a thread of the pool until it is opened.
class Gate {
 public:
  void Hold() {
    entered_.count_down();
    opened_.wait();
  }
  void AwaitHeld() { entered_.wait(); }
  void Open() { opened_.count_down(); }

 private:
  std::latch entered_{1};
  std::latch opened_{1};
};

TEST(BlockingPool, RunsWorkOnAThreadOfItsOwnAndResumesTheCallerOnHis) {
  IoThreads io(1);
  BlockingPool pool({.thread_count = 2, .queue_max = 4});
  const auto seen = Start(io, pool, [] { return std::this_thread::get_id(); }).get();
  ASSERT_TRUE(seen.result);
  EXPECT_NE(*seen.result, ThreadOf(io));
  EXPECT_NE(*seen.result, std::this_thread::get_id());
  EXPECT_EQ(seen.resumed_on, ThreadOf(io));
}

TEST(BlockingPool, HandsOnWhatCanOnlyBeMovedAndNothingAtAll) {
  IoThreads io(1);
  BlockingPool pool({});
  auto given = std::make_unique<int>(7);
  auto moved = Start(io, pool, [given = std::move(given)]() mutable { return std::move(given); });
  EXPECT_EQ(**moved.get().result, 7);
  bool was_run = false;
  EXPECT_TRUE(Start(io, pool, [&was_run] { was_run = true; }).get().result);
  EXPECT_TRUE(was_run);
}

TEST(BlockingPool, LeavesTheIoThreadFreeWhileWorkRuns) {
  IoThreads io(1);
  BlockingPool pool({});
  Gate gate;
  auto held = Start(io, pool, [&gate] { gate.Hold(); });
  gate.AwaitHeld();
  bool was_run = false;
  io.Run(0, [&was_run] { was_run = true; });
  EXPECT_TRUE(was_run);
  gate.Open();
  EXPECT_TRUE(held.get().result);
}

TEST(BlockingPool, RefusesWhatComesWhenTheQueueIsFull) {
  IoThreads io(1);
  BlockingPool pool({.thread_count = 1, .queue_max = 2});
  Gate gate;
  auto held = Start(io, pool, [&gate] { gate.Hold(); });
  gate.AwaitHeld();
  auto first = Start(io, pool, [] { return 1; });
  auto second = Start(io, pool, [] { return 2; });
  const auto refused = Start(io, pool, [] { return 3; }).get();
  ASSERT_FALSE(refused.result);
  EXPECT_EQ(refused.result.error().code, ErrorCode::kResourceExhausted);
  EXPECT_NE(refused.result.error().message.find("queue_max is 2"), std::string::npos);
  gate.Open();
  EXPECT_EQ(first.get().result.value(), 1);
  EXPECT_EQ(second.get().result.value(), 2);
  EXPECT_EQ(Start(io, pool, [] { return 4; }).get().result.value(), 4);
}

TEST(BlockingPool, StopRefusesWhatWaitsAndAwaitsWhatRuns) {
  IoThreads io(1);
  BlockingPool pool({.thread_count = 1, .queue_max = 4});
  Gate gate;
  auto running = Start(io, pool, [&gate] {
    gate.Hold();
    return 1;
  });
  gate.AwaitHeld();
  bool was_run = false;
  auto waiting = Start(io, pool, [&was_run] { was_run = true; });
  ThreadOf(io);  // The I/O thread has come past both.
  std::thread stopper([&pool] { pool.Stop(); });
  // It is told at once, though the work before it goes on.
  const auto refused = waiting.get();
  ASSERT_FALSE(refused.result);
  EXPECT_EQ(refused.result.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(running.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  gate.Open();
  stopper.join();
  EXPECT_EQ(running.get().result.value(), 1);
  EXPECT_FALSE(was_run);
  const auto late = Start(io, pool, [] { return 2; }).get();
  EXPECT_EQ(late.result.error().code, ErrorCode::kCancelled);
}

// The frame of a dropped coroutine goes with its I/O thread, after Stop.
TEST(BlockingPool, OutlivesACallerThatIsNeverResumed) {
  auto io = std::make_unique<IoThreads>(1);
  BlockingPool pool({});
  Gate gate;
  const auto running = Start(*io, pool, [&gate] {
    gate.Hold();
    return 1;
  });
  gate.AwaitHeld();
  io->Stop();
  gate.Open();
  pool.Stop();
  io.reset();
  EXPECT_EQ(running.wait_for(std::chrono::seconds(0)), std::future_status::ready);  // Broken.
}

}  // namespace
}  // namespace holdfast::net
