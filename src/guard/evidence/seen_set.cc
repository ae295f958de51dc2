#include "guard/evidence/seen_set.h"

#include <algorithm>
#include <bit>

#include "base/mix.h"

namespace holdfast::guard {
namespace {

constexpr std::size_t kNamesPerWord = 4;

// Four bits of one word: a single cache miss per filter.
std::uint64_t BitsOf(std::uint64_t hash) {
  std::uint64_t bits = 0;
  for (int i = 0; i < 4; ++i) bits |= std::uint64_t{1} << (hash >> (40 + 6 * i) & 63);
  return bits;
}

}  // namespace

SeenSet::SeenSet(std::size_t names_max)
    : names_max_(std::max<std::size_t>(names_max, 1)),
      word_mask_(std::bit_ceil((names_max_ + kNamesPerWord - 1) / kNamesPerWord) - 1) {
  for (Filter& filter : filters_) filter.resize(word_mask_ + 1);
}

void SeenSet::Add(std::uint64_t name) {
  const std::uint64_t hash = Mix64(name);
  std::uint64_t& word = filters_[young_][hash & word_mask_];
  if ((word & BitsOf(hash)) == BitsOf(hash)) return;
  if (count_ == names_max_) {
    young_ = 1 - young_;
    std::ranges::fill(filters_[young_], 0);
    count_ = 0;
  }
  filters_[young_][hash & word_mask_] |= BitsOf(hash);
  ++count_;
}

bool SeenSet::Contains(std::uint64_t name) const {
  const std::uint64_t hash = Mix64(name);
  const std::uint64_t bits = BitsOf(hash);
  return (filters_[0][hash & word_mask_] & bits) == bits ||
         (filters_[1][hash & word_mask_] & bits) == bits;
}

std::size_t SeenSet::state_bytes() const {
  return (filters_[0].capacity() + filters_[1].capacity()) * sizeof(std::uint64_t);
}

}  // namespace holdfast::guard
