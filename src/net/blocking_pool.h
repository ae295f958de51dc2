// BlockingPool: threads for work that takes long or waits (tokenizing, hashing a password, a
// database), which must not hold up an I/O thread. Run does the work on a thread of the pool and
// resumes the coroutine on its own executor with what the work returned.
//
// Thread-safe; Stop and the destructor are the owner's. The executors of those who wait must live
// until Stop has returned, and what the work borrows must as well.
//
// Limits: `thread_count` pieces of work run and `queue_max` more wait; whoever comes then is
// refused with kResourceExhausted. First come, first served.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "net/awaitable.h"
#include "net/event.h"

namespace holdfast::net {

class BlockingPool {
 public:
  struct Options {
    std::size_t thread_count = 1;  // At least 1.
    std::size_t queue_max = 64;    // At least 1.
  };

  explicit BlockingPool(const Options& options);
  ~BlockingPool() { Stop(); }
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  // What `work` returned. The work, with what it holds, is gone from the pool's thread by then.
  // Errors: kResourceExhausted (the queue is full), kCancelled (the pool stopped first).
  template <typename Work>
  Awaitable<Result<std::invoke_result_t<Work&>>> Run(Work work);

  // Refuses what waits and what comes, and returns when the work that runs has ended.
  void Stop();

 private:
  // One piece of work on its way. The queue's lock guards nothing of it: first the pool has it,
  // then the coroutine that was notified.
  struct Job {
    std::move_only_function<void()> work;
    std::shared_ptr<Event> ended;
    bool was_run = false;
  };

  Awaitable<Result<void>> RunJob(std::move_only_function<void()> work);
  Result<void> Enqueue(std::shared_ptr<Job> job);
  void Serve();
  std::shared_ptr<Job> AwaitJob();

  const Options options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Job>> queue_;
  bool is_stopped_ = false;
  std::vector<std::thread> threads_;
};

template <typename Work>
Awaitable<Result<std::invoke_result_t<Work&>>> BlockingPool::Run(Work work) {
  using Value = std::invoke_result_t<Work&>;
  if constexpr (std::is_void_v<Value>) {
    std::move_only_function<void()> job(std::move(work));
    co_return co_await RunJob(std::move(job));
  } else {
    // Held by both: the coroutine may be dropped while its work runs.
    const auto value = std::make_shared<std::optional<Value>>();
    std::move_only_function<void()> job(
        [value, work = std::move(work)]() mutable { value->emplace(work()); });
    CO_TRY(co_await RunJob(std::move(job)));
    co_return std::move(**value);
  }
}

}  // namespace holdfast::net
