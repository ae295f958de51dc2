// Watchdog: calls a function when a time passes that nobody moved on. Moving the time later, which
// is what happens with every byte that arrives, costs a comparison: the timer looks again when it
// fires. Single-threaded: on the I/O thread of the executor.
#pragma once

#include <functional>
#include <memory>

#include "net/awaitable.h"

namespace holdfast::net {

class Watchdog {
 public:
  // `on_late` is called at most once for each Set, never after this is gone.
  Watchdog(const Executor& executor, std::move_only_function<void()> on_late);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // Replaces the time; kNoDeadline: none.
  void Set(TimePoint due);
  // A time that was set has passed.
  bool is_late() const;

 private:
  struct State;
  std::shared_ptr<State> state_;  // A handler on its way finds it gone.
};

}  // namespace holdfast::net
