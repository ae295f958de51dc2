// TagSets: a small value for each of many names, in fixed memory: sets of eight cells {tag, value}.
// A name is known by its set and a tag of 32 bits under a seed, so one in 5e8 look-ups of a
// stranger finds another's value. Which cell goes when a set is full is for who uses it.
//
// A Value says whether its cell is taken (is_taken) and how it is saved (Save, Load).
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

template <typename Value>
class TagSets {
 public:
  static constexpr std::size_t kWays = 8;
  struct Cell {
    std::uint32_t tag = 0;
    Value value{};
  };
  using Set = std::array<Cell, kWays>;

  // `cells` is rounded up to a power of two, at least 8.
  TagSets(std::size_t cells, std::uint64_t seed)
      : seed_(seed), sets_(std::bit_ceil(std::max<std::size_t>(cells, kWays)) / kWays) {}

  Set& SetOf(std::uint64_t name) { return sets_[Hash(name) & (sets_.size() - 1)]; }
  const Set& SetOf(std::uint64_t name) const { return sets_[Hash(name) & (sets_.size() - 1)]; }
  std::uint32_t TagOf(std::uint64_t name) const {
    return static_cast<std::uint32_t>(Hash(name) >> 32);  // The set comes from the low bits.
  }

  // Null: not there.
  const Cell* Find(std::uint64_t name) const {
    const std::uint32_t tag = TagOf(name);
    for (const Cell& cell : SetOf(name)) {
      if (cell.value.is_taken() && cell.tag == tag) return &cell;
    }
    return nullptr;
  }
  Cell* Find(std::uint64_t name) {
    return const_cast<Cell*>(static_cast<const TagSets*>(this)->Find(name));
  }

  // The cells that are taken. Read into empty sets of the same size and seed.
  void Save(StateWriter& writer, const StatePart& part) const {
    if (part.is_first()) {
      writer.Put(std::uint64_t{sets_.size()});
      writer.Put(Mix64(seed_));
    }
    for (std::size_t set = part.Begin(sets_.size()); set < part.End(sets_.size()); ++set) {
      for (std::size_t way = 0; way < kWays; ++way) {
        const Cell& cell = sets_[set][way];
        if (!cell.value.is_taken()) continue;
        writer.Put(static_cast<std::uint32_t>(set * kWays + way));
        writer.Put(cell.tag);
        cell.value.Save(writer);
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
      cell.value.Load(reader);
    }
  }

  std::size_t state_bytes() const { return sets_.size() * sizeof(Set); }

 private:
  std::uint64_t Hash(std::uint64_t name) const { return Mix64(name, seed_); }

  std::uint64_t seed_;
  std::vector<Set> sets_;
};

}  // namespace holdfast::guard
