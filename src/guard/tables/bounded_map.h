// BoundedMap: at most `entries_max` entries by 64-bit key, with the one of least rank always at
// hand: who is to go first when there is no room, who expires next. All memory is taken at the
// start: sizeof(Value) and 48 to 64 bytes an entry. Find O(1), Insert, Erase and SetRank O(log n).
// Full is the caller's question (`is_full`): the map itself refuses nothing and forgets nothing.
//
// An index of open addresses (at most half full, Mix64 of the key; keys are keyed hashes, so nobody
// outside chooses where they land) over a heap of four children, which holds the ranks itself. The
// index holds a part of each hash, so that a key that is not there costs one cache line. Equal
// calls give equal orders on every machine. Indices hold until the entry is erased.
// Single-threaded.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <ranges>
#include <span>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/mix.h"

namespace holdfast::guard {

template <typename Rank, typename Value>
class BoundedMap {
 public:
  using Index = std::uint32_t;
  static constexpr Index kNone = ~Index{0};

  // 1 <= entries_max <= 2^30.
  explicit BoundedMap(std::size_t entries_max)
      : entries_(entries_max),
        heap_(entries_max),
        homes_(std::bit_ceil(entries_max * 2)),
        home_mask_(homes_.size() - 1) {
    CHECK(entries_max >= 1 && entries_max <= std::size_t{1} << 30);
    for (std::size_t i = 0; i < heap_.size(); ++i) heap_[i].index = static_cast<Index>(i);
  }

  std::size_t size() const { return size_; }
  bool is_full() const { return size_ == entries_.size(); }

  Index Find(std::uint64_t key) const {
    const std::uint32_t tag = TagOf(key);
    for (std::size_t home = Home(tag); !homes_[home].is_free(); home = Next(home)) {
      const Index index = homes_[home].index;
      if (homes_[home].tag == tag && entries_[index].key == key) return index;
    }
    return kNone;
  }

  // The key is not in the map, and the map is not full.
  Index Insert(std::uint64_t key, Rank rank, Value value) {
    CHECK(!is_full());
    const Index index = heap_[size_].index;
    entries_[index] = Entry{key, 0, std::move(value)};
    Settle(index);
    RiseFrom(size_++, {rank, index});
    return index;
  }

  // As Erase(Least()) and Insert of another key, of no lesser rank. The map is not empty.
  Index ReplaceLeast(std::uint64_t key, Rank rank, Value value) {
    const Index index = heap_[0].index;
    Vacate(index);
    entries_[index] = Entry{key, 0, std::move(value)};
    Settle(index);
    SinkFrom(0, {rank, index});
    return index;
  }

  void Erase(Index index) {
    Vacate(index);
    const std::size_t place = entries_[index].place;
    const Ranked last = heap_[--size_];
    heap_[size_].index = index;
    if (place != size_) Move(place, last);
  }

  void SetRank(Index index, Rank rank) { Move(entries_[index].place, {rank, index}); }

  Index Least() const { return size_ == 0 ? kNone : heap_[0].index; }
  std::uint64_t key(Index index) const { return entries_[index].key; }
  Rank rank(Index index) const { return heap_[entries_[index].place].rank; }
  Value& operator[](Index index) { return entries_[index].value; }
  const Value& operator[](Index index) const { return entries_[index].value; }

  // Of all entries, in no order that means anything.
  auto indices() const {
    return std::span(heap_.data(), size_) | std::views::transform(&Ranked::index);
  }

  // change(rank, value) of every entry; the order of the ranks must stay.
  template <typename Change>
  void ChangeAll(Change change) {
    for (Ranked& ranked : std::span(heap_.data(), size_)) {
      change(ranked.rank, entries_[ranked.index].value);
    }
  }

  std::size_t state_bytes() const {
    return entries_.size() * (sizeof(Entry) + sizeof(Ranked)) + homes_.size() * sizeof(Place);
  }

 private:
  static constexpr std::size_t kChildren = 4;

  struct Entry {
    std::uint64_t key = 0;
    Index place = 0;  // In the heap.
    Value value{};
  };

  struct Ranked {
    Rank rank{};
    Index index = 0;
  };

  struct Place {
    Index index = kNone;
    std::uint32_t tag = 0;

    bool is_free() const { return index == kNone; }
  };

  // A key's home comes from its tag, so that entries can be moved back without reading their keys.
  static std::uint32_t TagOf(std::uint64_t key) { return static_cast<std::uint32_t>(Mix64(key)); }
  std::size_t Home(std::uint32_t tag) const { return tag & home_mask_; }
  std::size_t Next(std::size_t home) const { return (home + 1) & home_mask_; }

  void Settle(Index index) {
    const std::uint32_t tag = TagOf(entries_[index].key);
    std::size_t home = Home(tag);
    while (!homes_[home].is_free()) home = Next(home);
    homes_[home] = {index, tag};
  }

  // Empties the entry's home and moves back those who had to walk past it.
  void Vacate(Index index) {
    std::size_t hole = Home(TagOf(entries_[index].key));
    while (homes_[hole].index != index) hole = Next(hole);
    for (std::size_t home = Next(hole); !homes_[home].is_free(); home = Next(home)) {
      const std::size_t wanted = Home(homes_[home].tag);
      const bool may_move = ((home - wanted) & home_mask_) >= ((home - hole) & home_mask_);
      if (!may_move) continue;
      homes_[hole] = homes_[home];
      hole = home;
    }
    homes_[hole] = {};
  }

  void Put(std::size_t place, const Ranked& ranked) {
    heap_[place] = ranked;
    entries_[ranked.index].place = static_cast<Index>(place);
  }

  // Each of these fills the free `place` with another until it is `ranked`'s own.
  void Move(std::size_t place, const Ranked& ranked) {
    const bool is_less = place > 0 && ranked.rank < heap_[(place - 1) / kChildren].rank;
    is_less ? RiseFrom(place, ranked) : SinkFrom(place, ranked);
  }

  void RiseFrom(std::size_t place, const Ranked& ranked) {
    while (place > 0) {
      const std::size_t parent = (place - 1) / kChildren;
      if (!(ranked.rank < heap_[parent].rank)) break;
      Put(place, heap_[parent]);
      place = parent;
    }
    Put(place, ranked);
  }

  void SinkFrom(std::size_t place, const Ranked& ranked) {
    while (kChildren * place + 1 < size_) {
      const std::size_t first = kChildren * place + 1;
      const std::size_t end = std::min(first + kChildren, size_);
      std::size_t least = first;
      for (std::size_t child = first + 1; child < end; ++child) {
        if (heap_[child].rank < heap_[least].rank) least = child;
      }
      if (!(heap_[least].rank < ranked.rank)) break;
      Put(place, heap_[least]);
      place = least;
    }
    Put(place, ranked);
  }

  std::vector<Entry> entries_;
  std::vector<Ranked> heap_;  // The first size_ are a heap by rank, the others are free slots.
  std::vector<Place> homes_;  // By Home(tag), then the next that is free.
  std::size_t home_mask_;
  std::size_t size_ = 0;
};

}  // namespace holdfast::guard
