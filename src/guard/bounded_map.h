// BoundedMap: at most `entries_max` entries by 64-bit key, with the one of least rank always at
// hand: who is to go first when there is no room, who expires next. All memory is taken at the
// start: sizeof(Entry) + 20 to 36 bytes an entry. Find O(1), Insert, Erase and SetRank O(log n).
// Full is the caller's question (`is_full`): the map itself refuses nothing and forgets nothing.
//
// An index of open addresses (at most half full, Mix64 of the key; keys are keyed hashes, so nobody
// outside chooses where they land) over a binary heap of slots. It holds a part of each hash, so
// that a key that is not there costs one cache line. Equal calls give equal orders on
// every machine. Indices hold until the entry is erased. Single-threaded.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <numeric>
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
    std::iota(heap_.begin(), heap_.end(), Index{0});
  }

  std::size_t size() const { return size_; }
  bool is_full() const { return size_ == entries_.size(); }

  Index Find(std::uint64_t key) const {
    const std::uint64_t hash = Mix64(key);
    for (std::size_t home = hash & home_mask_; !homes_[home].is_free(); home = Next(home)) {
      const Index index = homes_[home].index;
      if (homes_[home].tag == TagOf(hash) && entries_[index].key == key) return index;
    }
    return kNone;
  }

  // The key is not in the map, and the map is not full.
  Index Insert(std::uint64_t key, Rank rank, Value value) {
    CHECK(!is_full());
    const Index index = heap_[size_];
    entries_[index] = Entry{key, rank, static_cast<Index>(size_), std::move(value)};
    Settle(index);
    RiseFrom(size_++);
    return index;
  }

  // As Erase(Least()) and Insert of another key, of no lesser rank. The map is not empty.
  Index ReplaceLeast(std::uint64_t key, Rank rank, Value value) {
    const Index index = heap_[0];
    Vacate(index);
    entries_[index] = Entry{key, rank, 0, std::move(value)};
    Settle(index);
    SinkFrom(0);
    return index;
  }

  void Erase(Index index) {
    Vacate(index);
    const std::size_t place = entries_[index].place;
    --size_;
    if (place == size_) return;
    Swap(place, size_);
    RiseFrom(place);
    SinkFrom(place);
  }

  void SetRank(Index index, Rank rank) {
    entries_[index].rank = rank;
    RiseFrom(entries_[index].place);
    SinkFrom(entries_[index].place);
  }

  Index Least() const { return size_ == 0 ? kNone : heap_[0]; }
  std::uint64_t key(Index index) const { return entries_[index].key; }
  Rank rank(Index index) const { return entries_[index].rank; }
  Value& operator[](Index index) { return entries_[index].value; }
  const Value& operator[](Index index) const { return entries_[index].value; }

  // Of all entries, in no order that means anything.
  std::span<const Index> indices() const { return {heap_.data(), size_}; }

  // change(rank, value) of every entry; the order of the ranks must stay.
  template <typename Change>
  void ChangeAll(Change change) {
    for (std::size_t i = 0; i < size_; ++i) {
      Entry& entry = entries_[heap_[i]];
      change(entry.rank, entry.value);
    }
  }

  std::size_t state_bytes() const {
    return entries_.size() * (sizeof(Entry) + sizeof(Index)) + homes_.size() * sizeof(Place);
  }

 private:
  struct Entry {
    std::uint64_t key = 0;
    Rank rank{};
    Index place = 0;  // In the heap.
    Value value{};
  };

  struct Place {
    Index index = kNone;
    std::uint32_t tag = 0;

    bool is_free() const { return index == kNone; }
  };

  // The home comes from the low bits.
  static std::uint32_t TagOf(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }
  std::size_t Home(std::uint64_t key) const { return Mix64(key) & home_mask_; }
  std::size_t Next(std::size_t home) const { return (home + 1) & home_mask_; }

  void Settle(Index index) {
    const std::uint64_t hash = Mix64(entries_[index].key);
    std::size_t home = hash & home_mask_;
    while (!homes_[home].is_free()) home = Next(home);
    homes_[home] = {index, TagOf(hash)};
  }

  // Empties the entry's home and moves back those who had to walk past it.
  void Vacate(Index index) {
    std::size_t hole = Home(entries_[index].key);
    while (homes_[hole].index != index) hole = Next(hole);
    for (std::size_t home = Next(hole); !homes_[home].is_free(); home = Next(home)) {
      const std::size_t wanted = Home(entries_[homes_[home].index].key);
      const bool may_move = ((home - wanted) & home_mask_) >= ((home - hole) & home_mask_);
      if (!may_move) continue;
      homes_[hole] = homes_[home];
      hole = home;
    }
    homes_[hole] = {};
  }

  void Swap(std::size_t a, std::size_t b) {
    std::swap(heap_[a], heap_[b]);
    entries_[heap_[a]].place = static_cast<Index>(a);
    entries_[heap_[b]].place = static_cast<Index>(b);
  }

  bool IsLess(std::size_t a, std::size_t b) const {
    return entries_[heap_[a]].rank < entries_[heap_[b]].rank;
  }

  void RiseFrom(std::size_t place) {
    while (place > 0 && IsLess(place, (place - 1) / 2)) {
      Swap(place, (place - 1) / 2);
      place = (place - 1) / 2;
    }
  }

  void SinkFrom(std::size_t place) {
    while (true) {
      std::size_t least = place;
      for (const std::size_t child : {2 * place + 1, 2 * place + 2}) {
        if (child < size_ && IsLess(child, least)) least = child;
      }
      if (least == place) return;
      Swap(place, least);
      place = least;
    }
  }

  std::vector<Entry> entries_;
  std::vector<Index> heap_;   // The first size_ are a heap by rank, the others are free slots.
  std::vector<Place> homes_;  // By Home(key), then the next that is free.
  std::size_t home_mask_;
  std::size_t size_ = 0;
};

}  // namespace holdfast::guard
