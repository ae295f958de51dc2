// EventQueue: what happens next in a simulation. A radix heap (Ahuja, Mehlhorn, Orlin, Tarjan
// 1990) in base 64: time never goes back, so an event lies at the level of the highest digit in
// which its time differs from the last one taken, in the slot of that digit, and moves down at most
// ten levels; three for one that is seconds away. A push and a pop cost some tens of nanoseconds
// with any number of events. Events of the same microsecond come in an order that depends only on
// the calls made. Single-threaded.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
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
    next_us_ = std::min(next_us_, event.at_us);
    Place(event);
    ++size_;
  }

  // Of the first event; Time::max(): none.
  guard::Time NextTime() const {
    return size_ == 0 ? guard::Time::max() : guard::Time(guard::Duration(next_us_));
  }

  // Not of an empty queue.
  Event Pop() {
    if (levels_[0].used == 0) Refill();
    const int digit = std::countr_zero(levels_[0].used);
    std::vector<Event>& slot = levels_[0].slots[static_cast<std::size_t>(digit)];
    const Event event = slot.back();
    slot.pop_back();
    if (slot.empty()) levels_[0].used &= levels_[0].used - 1;
    last_us_ = event.at_us;
    --size_;
    next_us_ = slot.empty() ? FirstTime() : event.at_us;
    return event;
  }

 private:
  static constexpr int kDigitBits = 6;
  static constexpr std::size_t kLevels = 11;  // Of 63 bits.
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  struct Level {
    std::uint64_t used = 0;  // Bit i: slot i holds something.
    std::array<std::vector<Event>, 1U << kDigitBits> slots;
  };

  void Place(const Event& event) {
    const auto differs = static_cast<std::uint64_t>(event.at_us ^ last_us_);
    const int level = (std::bit_width(differs | 1) - 1) / kDigitBits;
    const auto digit = static_cast<std::size_t>(event.at_us >> (level * kDigitBits)) & 63;
    Level& home = levels_[static_cast<std::size_t>(level)];
    home.used |= std::uint64_t{1} << digit;
    home.slots[digit].push_back(event);
  }

  Level& FirstLevel() {
    std::size_t level = 0;
    while (levels_[level].used == 0) ++level;
    return levels_[level];
  }

  static std::vector<Event>& FirstSlot(Level& level) {
    return level.slots[static_cast<std::size_t>(std::countr_zero(level.used))];
  }

  std::int64_t FirstTime() {
    if (size_ == 0) return kNever;
    return std::ranges::min(FirstSlot(FirstLevel()), {}, &Event::at_us).at_us;
  }

  // Moves the events of the first slot down, the first of them to the lowest level.
  void Refill() {
    Level& level = FirstLevel();
    moving_.swap(FirstSlot(level));
    level.used &= level.used - 1;
    last_us_ = next_us_;
    for (const Event& event : moving_) Place(event);
    moving_.clear();
  }

  std::array<Level, kLevels> levels_;
  std::vector<Event> moving_;
  std::int64_t last_us_ = 0;
  std::int64_t next_us_ = kNever;
  std::size_t size_ = 0;
};

}  // namespace holdfast::drill
