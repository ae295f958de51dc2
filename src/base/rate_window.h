// RateWindow: events per second over the last few seconds, from a time passed in.
// Thread-compatible.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

namespace holdfast {

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

  // Over which a rate is a mean, give or take half a slot.
  static constexpr double kSpan_s = 4.75;

 private:
  static constexpr std::int64_t kSlots = 10;
  static constexpr std::chrono::milliseconds kSlotLength{500};
  static_assert(kSpan_s == (kSlots - 0.5) * 0.001 * kSlotLength.count());

  struct Slot {
    std::int64_t number = -kSlots;
    std::int64_t count = 0;
  };
  static std::int64_t SlotOf(TimePoint now) { return now.time_since_epoch() / kSlotLength; }

  std::array<Slot, kSlots> slots_{};
};

}  // namespace holdfast
