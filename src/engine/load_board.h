// LoadBoard: where the engine thread writes its load and everybody reads it. Thread-safe; one leaf
// lock.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>

#include "engine/engine.h"

namespace holdfast::engine {

// Events per second over the last few seconds, from a time passed in. Thread-compatible.
class RateWindow {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  void Add(TimePoint now, std::int64_t count) {
    const std::int64_t number = SlotOf(now);
    Slot& slot = slots_[static_cast<std::size_t>(number % kSlots)];
    if (slot.number != number) slot = {number, 0};
    slot.count += count;
  }

  // Over the window's full slots and the begun one; older events do not count.
  double PerSecond(TimePoint now) const {
    const std::int64_t last = SlotOf(now);
    std::int64_t count = 0;
    for (const Slot& slot : slots_) {
      if (slot.number > last - kSlots && slot.number <= last) count += slot.count;
    }
    const auto begun = now.time_since_epoch() - last * kSlotLength;
    return static_cast<double>(count) /
           std::chrono::duration<double>((kSlots - 1) * kSlotLength + begun).count();
  }

 private:
  static constexpr std::int64_t kSlots = 10;
  static constexpr std::chrono::milliseconds kSlotLength{500};

  struct Slot {
    std::int64_t number = -kSlots;
    std::int64_t count = 0;
  };
  static std::int64_t SlotOf(TimePoint now) { return now.time_since_epoch() / kSlotLength; }

  std::array<Slot, kSlots> slots_{};
};

class LoadBoard {
 public:
  using TimePoint = RateWindow::TimePoint;

  // All but the rate, which follows from `output_count` tokens since the last Post.
  void Post(const Load& load, TimePoint now, std::int64_t output_count) {
    const std::lock_guard lock(mutex_);
    load_ = load;
    output_rate_.Add(now, output_count);
  }

  Load Read(TimePoint now) const {
    const std::lock_guard lock(mutex_);
    Load load = load_;
    load.tokens_per_second = output_rate_.PerSecond(now);
    return load;
  }

 private:
  mutable std::mutex mutex_;
  Load load_;
  RateWindow output_rate_;
};

}  // namespace holdfast::engine
