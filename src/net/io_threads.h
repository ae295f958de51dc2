// IoThreads: the threads that do network I/O and no maths. One event loop a thread; a connection
// belongs to one of them for its whole life, so its coroutines need no locks.
// Thread-safe, except Stop and the destructor (the owner's).
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "net/awaitable.h"

namespace holdfast::net {

class IoThreads {
 public:
  explicit IoThreads(std::size_t count);
  ~IoThreads();
  IoThreads(const IoThreads&) = delete;
  IoThreads& operator=(const IoThreads&) = delete;

  std::size_t count() const { return threads_.size(); }
  Executor executor(std::size_t index) const;
  // Takes turns.
  std::size_t NextIndex() { return next_.fetch_add(1) % threads_.size(); }

  // Runs `body` on thread `index` and returns at once.
  void Post(std::size_t index, std::move_only_function<void()> body);
  // Runs `body` on thread `index` and waits for it; here after Stop. Not from an I/O thread.
  void Run(std::size_t index, std::move_only_function<void()> body);
  // Starts a coroutine on thread `index`.
  void Spawn(std::size_t index, Awaitable<void> coroutine);

  // Ends the loops; coroutines still waiting are dropped when this object dies.
  void Stop();

 private:
  struct Thread;
  std::vector<std::unique_ptr<Thread>> threads_;
  std::atomic<std::size_t> next_{0};
  bool is_stopped_ = false;  // Of the owner's thread.
};

}  // namespace holdfast::net
