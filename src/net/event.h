// Event: something for one coroutine to wait for, with a deadline. A notification that comes while
// nobody waits is remembered once.
//
// Single-threaded: Wait and Notify on the I/O thread of the executor. Other threads use
// PostNotify.
#pragma once

#include <memory>

#include <boost/asio/steady_timer.hpp>

#include "net/awaitable.h"

namespace holdfast::net {

// The executor of the calling coroutine.
Awaitable<Executor> CurrentExecutor();

class Event {
 public:
  explicit Event(const Executor& executor) : timer_(executor) {}

  // True when notified, false when the deadline passed first. One waiter at a time.
  Awaitable<bool> Wait(TimePoint deadline);
  void Notify();

  // Notifies from any thread; the event lives until that has happened.
  static void PostNotify(std::shared_ptr<Event> event);

 private:
  boost::asio::steady_timer timer_;
  bool is_set_ = false;
  bool is_awaited_ = false;
};

}  // namespace holdfast::net
