// SeenSet: which names were seen before, in fixed memory: two Bloom filters, the younger of which
// becomes the older when it holds `names_max`, so that the last names_max to 2 names_max are known.
// Never forgets within them; takes a stranger for known in under 2 % of cases. Single-threaded.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "guard/tables/state_bytes.h"

namespace holdfast::guard {

class SeenSet {
 public:
  // `names_max` >= 1.
  explicit SeenSet(std::size_t names_max);

  // `name` is a hash already.
  void Add(std::uint64_t name);
  bool Contains(std::uint64_t name) const;
  // Read into an empty set of the same size.
  void Save(StateWriter& writer, const StatePart& part) const;
  void Load(StateReader& reader, const StatePart& part);
  std::size_t state_bytes() const;

 private:
  using Word = std::array<std::uint64_t, 2>;  // One of each filter: a single cache miss for both.

  std::size_t names_max_;
  std::size_t count_ = 0;
  std::vector<Word> words_;
  std::size_t young_ = 0;
};

}  // namespace holdfast::guard
