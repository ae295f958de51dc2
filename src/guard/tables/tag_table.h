// TagTable: a 32-bit value above 0 for each of many names, 8 bytes a cell (tag_sets.h).
//
// Full: a newcomer takes over the cell of least value in its set, and its value with it. So counts
// that only grow are never too small (as in Space-Saving), and of times the oldest goes first.
// Single-threaded.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "guard/tables/tag_sets.h"

namespace holdfast::guard {

class TagTable {
 public:
  // `cells` is rounded up to a power of two, at least 8.
  TagTable(std::size_t cells, std::uint64_t seed) : sets_(cells, seed) {}

  // 0: not there.
  std::uint32_t Find(std::uint64_t name) const {
    const auto* cell = sets_.Find(name);
    return cell != nullptr ? cell->value.number : 0;
  }

  // Its value, to be set: 0 for a new name where there was room. Good until the next call. Setting
  // it to 0 forgets the name.
  std::uint32_t& Touch(std::uint64_t name) {
    if (auto* cell = sets_.Find(name)) return cell->value.number;
    auto& least = *std::ranges::min_element(sets_.SetOf(name), {},
                                            [](const auto& cell) { return cell.value.number; });
    least.tag = sets_.TagOf(name);
    return least.value.number;
  }

  // Read into an empty table of the same size and seed.
  void Save(StateWriter& writer, const StatePart& part) const { sets_.Save(writer, part); }
  void Load(StateReader& reader, const StatePart& part) { sets_.Load(reader, part); }
  std::size_t state_bytes() const { return sets_.state_bytes(); }

 private:
  struct Number {
    std::uint32_t number = 0;  // 0: free.

    bool is_taken() const { return number != 0; }
    void Save(StateWriter& writer) const { writer.Put(number); }
    void Load(StateReader& reader) { number = reader.Take<std::uint32_t>(); }
  };

  TagSets<Number> sets_;
};

}  // namespace holdfast::guard
