// EventQueue: what happens next in a simulation. A radix heap (Ahuja, Mehlhorn, Orlin, Tarjan
// 1990): time never goes back, so an event lies in the bucket of the highest bit in which its time
// differs from the last one taken, and moves down at most 63 times; in practice a push and a pop
// cost some tens of nanoseconds with any number of events. Events of the same microsecond come in
// an order that depends only on the calls made. Single-threaded.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "guard/clock.h"

namespace holdfast::drill {

struct Event {
  std::int64_t at_us = 0;
  std::uint32_t subject = 0;  // Caller or slot, by `what`.
  std::uint32_t tag = 0;
  std::uint8_t what = 0;
};

class EventQueue {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  // `event` is not before the last one taken.
  void Push(const Event& event) {
    CHECK(event.at_us >= last_us_);
    buckets_[BucketOf(event.at_us)].push_back(event);
    ++size_;
  }

  // Of the first event; Time::max(): none.
  guard::Time NextTime() {
    if (size_ == 0) return guard::Time::max();
    if (!buckets_[0].empty()) return guard::Time(guard::Duration(last_us_));
    if (!knows_next_) {
      next_us_ = std::ranges::min(FirstBucket(), {}, &Event::at_us).at_us;
      knows_next_ = true;
    }
    return guard::Time(guard::Duration(next_us_));
  }

  // Not of an empty queue.
  Event Pop() {
    if (buckets_[0].empty()) Refill();
    const Event event = buckets_[0].back();
    buckets_[0].pop_back();
    --size_;
    return event;
  }

 private:
  std::size_t BucketOf(std::int64_t at_us) {
    const auto differs = static_cast<std::uint64_t>(at_us ^ last_us_);
    if (knows_next_ && at_us < next_us_) next_us_ = at_us;
    return static_cast<std::size_t>(std::bit_width(differs));
  }

  std::vector<Event>& FirstBucket() {
    std::size_t first = 1;
    while (buckets_[first].empty()) ++first;
    return buckets_[first];
  }

  void Refill() {
    std::vector<Event>& bucket = FirstBucket();
    last_us_ = std::chrono::duration_cast<guard::Duration>(NextTime().time_since_epoch()).count();
    knows_next_ = false;
    moving_.swap(bucket);
    for (const Event& event : moving_) buckets_[BucketOf(event.at_us)].push_back(event);
    moving_.clear();
  }

  std::array<std::vector<Event>, 65> buckets_;
  std::vector<Event> moving_;
  std::int64_t last_us_ = 0;
  std::int64_t next_us_ = 0;
  std::size_t size_ = 0;
  bool knows_next_ = false;
};

}  // namespace holdfast::drill
