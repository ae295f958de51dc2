// IdleConnections: connections to one engine that wait for their next call. A connection belongs to
// an I/O thread, so each thread has its own tray, which a coroutine on that thread holds and
// sweeps; it goes when it has been empty for a while, or with the thread. Thread-safe.
//
// Limits: `count_max` a tray (one more is closed), `idle_time_max` (then it is closed).
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "net/stream.h"

namespace holdfast::upstream {

class IdleConnections {
 public:
  IdleConnections(std::size_t count_max, std::chrono::milliseconds idle_time_max)
      : count_max_(count_max), idle_time_max_(idle_time_max) {}

  // One of this thread that the engine has not closed; null: there is none. `executor` is the
  // caller's.
  std::unique_ptr<net::Stream> Take(const net::Executor& executor);
  void Give(std::unique_ptr<net::Stream> stream);

 private:
  struct Tray;
  std::shared_ptr<Tray> FindTray(const net::Executor& executor);
  static net::Awaitable<void> Sweep(std::shared_ptr<Tray> tray,
                                    std::chrono::milliseconds idle_time_max);

  const std::size_t count_max_;
  const std::chrono::milliseconds idle_time_max_;
  std::mutex mutex_;
  // The sweeping coroutine owns its tray, so that nothing here outlives the thread.
  std::vector<std::pair<net::Executor, std::weak_ptr<Tray>>> trays_;  // One an I/O thread.
};

}  // namespace holdfast::upstream
