// LineQueue: lines on their way to a place that may stall, written by a thread of its own. Push
// never waits: a line that finds the queue full is dropped and counted, and once there is room the
// place is told how many. Thread-safe.
//
// What the thread does cannot be called off while the place stalls, so a queue lives as long as its
// process: it is made and never destroyed.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace holdfast::log {

class LineQueue {
 public:
  using Write = std::function<void(std::string_view)>;

  // The thread takes no signals.
  static LineQueue& Make(std::size_t lines_max, Write write);
  LineQueue(const LineQueue&) = delete;
  LineQueue& operator=(const LineQueue&) = delete;

  void Push(std::string line);
  // Until what was pushed before is written. False: the time was over first.
  bool Flush(std::chrono::milliseconds time_max);
  std::uint64_t dropped_count() const;

 private:
  LineQueue(std::size_t lines_max, Write write) : lines_max_(lines_max), write_(std::move(write)) {}
  ~LineQueue() = default;
  void Run();

  const std::size_t lines_max_;
  const Write write_;
  mutable std::mutex mutex_;
  std::condition_variable has_lines_;
  std::condition_variable has_written_;
  std::deque<std::string> lines_;
  std::uint64_t pushed_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint64_t told_dropped_ = 0;
};

}  // namespace holdfast::log
