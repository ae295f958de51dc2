#include "net/blocking_pool.h"

#include "base/check.h"

namespace holdfast::net {

BlockingPool::BlockingPool(const Options& options) : options_(options) {
  CHECK(options.thread_count >= 1 && options.queue_max >= 1);
  for (std::size_t i = 0; i < options.thread_count; ++i) {
    threads_.emplace_back([this] { Serve(); });
  }
}

Awaitable<Result<void>> BlockingPool::RunJob(std::move_only_function<void()> work) {
  const auto job = std::make_shared<Job>();
  job->work = std::move(work);
  job->ended = std::make_shared<Event>(co_await CurrentExecutor());
  CO_TRY(Enqueue(job));
  co_await job->ended->Wait(kNoDeadline);
  if (!job->was_run) co_return Fail(ErrorCode::kCancelled, "the pool stopped before the work");
  co_return Result<void>{};
}

Result<void> BlockingPool::Enqueue(std::shared_ptr<Job> job) {
  {
    const std::lock_guard lock(mutex_);
    if (is_stopped_) return Fail(ErrorCode::kCancelled, "the pool has stopped");
    if (queue_.size() >= options_.queue_max) {
      return Fail(ErrorCode::kResourceExhausted, "{} pieces of work wait already, queue_max is {}",
                  queue_.size(), options_.queue_max);
    }
    queue_.push_back(std::move(job));
  }
  changed_.notify_one();
  return {};
}

void BlockingPool::Serve() {
  while (const std::shared_ptr<Job> job = AwaitJob()) {
    job->work();
    job->work = nullptr;
    job->was_run = true;
    Event::PostNotify(job->ended);
  }
}

// Null: the pool stops.
std::shared_ptr<BlockingPool::Job> BlockingPool::AwaitJob() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return is_stopped_ || !queue_.empty(); });
  if (is_stopped_) return nullptr;
  std::shared_ptr<Job> job = std::move(queue_.front());
  queue_.pop_front();
  return job;
}

void BlockingPool::Stop() {
  std::deque<std::shared_ptr<Job>> refused;
  {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
    refused.swap(queue_);
  }
  changed_.notify_all();
  for (const std::shared_ptr<Job>& job : refused) {
    job->work = nullptr;
    Event::PostNotify(job->ended);
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace holdfast::net
