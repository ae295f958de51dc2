// TagTable: a 32-bit value above 0 for each of many names, in fixed memory: sets of eight cells
// {tag, value}; 8 bytes a cell. A name is known by its set and a tag of 32 bits under a seed, so
// one in 5e8 look-ups of a stranger finds another's value.
//
// Full: a newcomer takes over the cell of least value in its set, and its value with it. So counts
// that only grow are never too small (as in Space-Saving), and of times the oldest goes first.
// Single-threaded.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/mix.h"
#include "guard/tables/state_bytes.h"

namespace holdfast::guard {

class TagTable {
 public:
  // `cells` is rounded up to a power of two, at least 8.
  TagTable(std::size_t cells, std::uint64_t seed)
      : seed_(seed), sets_(std::bit_ceil(std::max<std::size_t>(cells, kWays)) / kWays) {}

  // 0: not there.
  std::uint32_t Find(std::uint64_t name) const {
    const std::uint64_t hash = Mix64(name, seed_);
    for (const Cell& cell : sets_[hash & (sets_.size() - 1)]) {
      if (cell.value != 0 && cell.tag == TagOf(hash)) return cell.value;
    }
    return 0;
  }

  // Its value, to be set: 0 for a new name where there was room. Good until the next call. Setting
  // it to 0 forgets the name.
  std::uint32_t& Touch(std::uint64_t name) {
    const std::uint64_t hash = Mix64(name, seed_);
    Set& set = sets_[hash & (sets_.size() - 1)];
    for (Cell& cell : set) {
      if (cell.value != 0 && cell.tag == TagOf(hash)) return cell.value;
    }
    Cell& least = *std::ranges::min_element(set, {}, &Cell::value);
    least.tag = TagOf(hash);
    return least.value;
  }

  // The cells that are taken. Read into an empty table of the same size and seed.
  void Save(StateWriter& writer, const StatePart& part) const {
    if (part.is_first()) {
      writer.Put(std::uint64_t{sets_.size()});
      writer.Put(Mix64(seed_));
    }
    for (std::size_t set = part.Begin(sets_.size()); set < part.End(sets_.size()); ++set) {
      for (std::size_t way = 0; way < kWays; ++way) {
        const Cell& cell = sets_[set][way];
        if (cell.value == 0) continue;
        writer.Put(static_cast<std::uint32_t>(set * kWays + way));
        writer.Put(cell.tag);
        writer.Put(cell.value);
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
      cell.value = reader.Take<std::uint32_t>();
    }
  }
  std::size_t state_bytes() const { return sets_.size() * sizeof(Set); }

 private:
  static constexpr std::size_t kWays = 8;
  struct Cell {
    std::uint32_t tag = 0;
    std::uint32_t value = 0;  // 0: free.
  };
  using Set = std::array<Cell, kWays>;

  // The set comes from the low bits.
  static std::uint32_t TagOf(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }

  std::uint64_t seed_;
  std::vector<Set> sets_;
};

}  // namespace holdfast::guard
