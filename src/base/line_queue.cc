#include "base/line_queue.h"

#include <csignal>
#include <thread>
#include <utility>

#include <fmt/format.h>

namespace holdfast::log {

LineQueue& LineQueue::Make(std::size_t lines_max, Write write) {
  auto* const queue = new LineQueue(lines_max, std::move(write));
  // A signal is for the thread that waits for it.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread([queue] { queue->Run(); }).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return *queue;
}

void LineQueue::Push(std::string line) {
  {
    const std::lock_guard lock(mutex_);
    if (lines_.size() >= lines_max_) {
      ++dropped_;
      return;
    }
    lines_.push_back(std::move(line));
    ++pushed_;
  }
  has_lines_.notify_one();
}

bool LineQueue::Flush(std::chrono::milliseconds time_max) {
  std::unique_lock lock(mutex_);
  return has_written_.wait_for(lock, time_max,
                               [this, until = pushed_] { return written_ >= until; });
}

std::uint64_t LineQueue::dropped_count() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void LineQueue::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    has_lines_.wait(lock, [this] { return !lines_.empty(); });
    std::string line = std::move(lines_.front());
    lines_.pop_front();
    const std::uint64_t untold = dropped_ - std::exchange(told_dropped_, dropped_);
    lock.unlock();
    write_(line);
    if (untold > 0) write_(fmt::format("the log was stalled: {} lines were dropped\n", untold));
    lock.lock();
    ++written_;
    has_written_.notify_all();
  }
}

}  // namespace holdfast::log
