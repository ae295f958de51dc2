// DeadlineHeap: the earliest deadline of a bounded set of slots, with removal from the middle. A
// binary heap that knows where each slot stands. O(log n). Single-threaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "guard/clock.h"

namespace holdfast::guard {

class DeadlineHeap {
 public:
  using Slot = std::uint32_t;

  // Slots are 0 .. slots_max - 1.
  explicit DeadlineHeap(std::size_t slots_max) : places_(slots_max) { heap_.reserve(slots_max); }

  bool is_empty() const { return heap_.empty(); }
  Time deadline() const { return heap_.empty() ? Time::max() : heap_[0].deadline; }
  Slot first() const { return heap_[0].slot; }

  void Insert(Slot slot, Time deadline) {
    heap_.push_back({deadline, slot});
    places_[slot] = static_cast<std::uint32_t>(heap_.size() - 1);
    Rise(heap_.size() - 1);
  }

  void Erase(Slot slot) {
    const std::size_t place = places_[slot];
    Put(place, heap_.back());
    heap_.pop_back();
    if (place == heap_.size()) return;
    Rise(place);
    Sink(place);
  }

 private:
  struct Item {
    Time deadline;
    Slot slot = 0;

    // Equal deadlines in the order of slots: the same in every run.
    bool operator<(const Item& other) const {
      return std::pair(deadline, slot) < std::pair(other.deadline, other.slot);
    }
  };

  void Put(std::size_t place, const Item& item) {
    heap_[place] = item;
    places_[item.slot] = static_cast<std::uint32_t>(place);
  }

  void Swap(std::size_t a, std::size_t b) {
    const Item item = heap_[a];
    Put(a, heap_[b]);
    Put(b, item);
  }

  void Rise(std::size_t place) {
    for (; place > 0 && heap_[place] < heap_[(place - 1) / 2]; place = (place - 1) / 2) {
      Swap(place, (place - 1) / 2);
    }
  }

  void Sink(std::size_t place) {
    while (true) {
      std::size_t least = place;
      for (std::size_t child = 2 * place + 1; child <= 2 * place + 2; ++child) {
        if (child < heap_.size() && heap_[child] < heap_[least]) least = child;
      }
      if (least == place) return;
      Swap(place, least);
      place = least;
    }
  }

  std::vector<Item> heap_;
  std::vector<std::uint32_t> places_;  // Of each slot in the heap.
};

}  // namespace holdfast::guard
