// DoorClock: the guard's time in service: that of the wall when the process began, in microseconds
// since 1970, and steady from there. So what was remembered with a time still holds after a
// restart. Immutable value type.
#pragma once

#include <chrono>

#include "guard/clock.h"
#include "net/event.h"

namespace holdfast::server {

class DoorClock {
 public:
  DoorClock()
      : begin_(net::Clock::now() - std::chrono::duration_cast<net::Clock::duration>(
                                       std::chrono::system_clock::now().time_since_epoch())) {}

  guard::Time Now() const {
    return guard::Time(std::chrono::duration_cast<guard::Duration>(net::Clock::now() - begin_));
  }
  // `time` is not so far away that a steady clock could not tell it.
  net::TimePoint PointOf(guard::Time time) const { return begin_ + time.time_since_epoch(); }

 private:
  net::TimePoint begin_;  // 1970, by a clock that runs as steadily.
};

}  // namespace holdfast::server
