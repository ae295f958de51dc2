// FadingCounts: how often something happened to each of many names of late, in fixed memory: sets
// of eight cells {tag, count, when}; 8 bytes a cell. A count halves with every `half_life`. A name
// is known by its set and a tag of 32 bits under a seed, so one in 5e8 look-ups of a stranger finds
// another's count.
//
// Full: a newcomer takes over the cell that counts least in its set and begins anew. So no name is
// ever charged with what happened to another; the price is that a count may be forgotten, by who
// can fill the whole table in the meantime. Single-threaded.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/mix.h"
#include "guard/clock.h"
#include "guard/tables/state_bytes.h"

namespace holdfast::guard {

class FadingCounts {
 public:
  // `cells` is rounded up to a power of two, at least 8. `half_life`: a minute at least.
  FadingCounts(std::size_t cells, Duration half_life, std::uint64_t seed)
      : seed_(seed),
        half_life_min_(std::max<std::uint32_t>(
            1, static_cast<std::uint32_t>(
                   std::chrono::floor<std::chrono::minutes>(half_life).count()))),
        sets_(std::bit_ceil(std::max<std::size_t>(cells, kWays)) / kWays) {}

  std::uint32_t Find(std::uint64_t name, Time now) const {
    const std::uint64_t hash = Mix64(name, seed_);
    for (const Cell& cell : sets_[hash & (sets_.size() - 1)]) {
      if (cell.count != 0 && cell.tag == TagOf(hash)) return Faded(cell, now);
    }
    return 0;
  }

  void Add(std::uint64_t name, Time now) {
    Cell& cell = Touch(name, now);
    if (cell.count < kCountMax) ++cell.count;
  }

  void Forget(std::uint64_t name) {
    const std::uint64_t hash = Mix64(name, seed_);
    for (Cell& cell : sets_[hash & (sets_.size() - 1)]) {
      if (cell.tag == TagOf(hash)) cell.count = 0;
    }
  }

  // As TagTable.
  void Save(StateWriter& writer, const StatePart& part) const {
    if (part.is_first()) {
      writer.Put(std::uint64_t{sets_.size()});
      writer.Put(Mix64(seed_));
    }
    for (std::size_t set = part.Begin(sets_.size()); set < part.End(sets_.size()); ++set) {
      for (std::size_t way = 0; way < kWays; ++way) {
        const Cell& cell = sets_[set][way];
        if (cell.count == 0) continue;
        writer.Put(static_cast<std::uint32_t>(set * kWays + way));
        writer.Put(cell.tag);
        writer.Put(cell.count);
        writer.Put(cell.half_lives);
      }
    }
    writer.Put(kNoPlace);
  }
  void Load(StateReader& reader, const StatePart& part) {
    if (part.is_first()) {
      reader.Expect(reader.Take<std::uint64_t>() == sets_.size());
      reader.Expect(reader.Take<std::uint64_t>() == Mix64(seed_));
    }
    while (reader.is_sound()) {
      const auto place = reader.Take<std::uint32_t>();
      if (place == kNoPlace || !reader.Expect(place < sets_.size() * kWays)) return;
      Cell& cell = sets_[place / kWays][place % kWays];
      cell.tag = reader.Take<std::uint32_t>();
      cell.count = reader.Take<std::uint16_t>();
      cell.half_lives = reader.Take<std::uint16_t>();
    }
  }

  std::size_t state_bytes() const { return sets_.size() * sizeof(Set); }

 private:
  static constexpr std::size_t kWays = 8;
  static constexpr std::uint16_t kCountMax = UINT16_MAX;
  struct Cell {
    std::uint32_t tag = 0;
    std::uint16_t count = 0;       // At `half_lives`; 0: free.
    std::uint16_t half_lives = 0;  // Since the beginning; of a finer time nothing is known.
  };
  using Set = std::array<Cell, kWays>;

  // The set comes from the low bits.
  static std::uint32_t TagOf(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }

  std::uint16_t HalfLives(Time now) const {
    const auto minutes = std::chrono::floor<std::chrono::minutes>(now.time_since_epoch()).count();
    return static_cast<std::uint16_t>(minutes / half_life_min_);
  }

  std::uint16_t Faded(const Cell& cell, Time now) const {
    // Times may wrap; a count does not outlive sixteen half-lives.
    const auto passed = static_cast<std::uint16_t>(HalfLives(now) - cell.half_lives);
    return passed >= 16 ? 0 : static_cast<std::uint16_t>(cell.count >> passed);
  }

  // The cell of this name, faded to `now`.
  Cell& Touch(std::uint64_t name, Time now) {
    const std::uint64_t hash = Mix64(name, seed_);
    Set& set = sets_[hash & (sets_.size() - 1)];
    Cell* least = set.data();
    for (Cell& cell : set) {
      cell.count = Faded(cell, now);
      cell.half_lives = HalfLives(now);
      if (cell.count != 0 && cell.tag == TagOf(hash)) return cell;
      if (cell.count < least->count) least = &cell;
    }
    *least = {TagOf(hash), 0, HalfLives(now)};
    return *least;
  }

  std::uint64_t seed_;
  std::uint32_t half_life_min_;
  std::vector<Set> sets_;
};

}  // namespace holdfast::guard
