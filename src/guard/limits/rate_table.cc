#include "guard/limits/rate_table.h"

#include <algorithm>
#include <bit>

namespace holdfast::guard {

RateTable::RateTable(std::size_t cells, std::uint64_t seed)
    : seed_(seed),
      sets_(std::bit_ceil(std::max<std::size_t>(cells, 16)) / kWays),
      shared_(sets_.size(), Time::min()) {}

Time& RateTable::Find(std::uint64_t key, Time now) {
  const std::uint64_t hash = Hash(key);
  Set& first = sets_[FirstSet(hash)];
  Set& second = sets_[SecondSet(hash)];
  if (Cell* cell = first.Find(key)) return cell->tat;
  if (Cell* cell = second.Find(key)) return cell->tat;

  Time& shared = shared_[FirstSet(Mix64(hash))];
  const std::size_t first_free = first.CountFree(now);
  const std::size_t second_free = second.CountFree(now);
  if (first_free + second_free == 0) {
    ++shared_count_;
    return shared;
  }
  Cell& cell = first_free >= second_free ? first.TakeFree(now) : second.TakeFree(now);
  cell = Cell{key, shared};
  return cell.tat;
}

void RateTable::Prefetch(std::uint64_t key) const {
  const std::uint64_t hash = Hash(key);
  for (const Set* set : {&sets_[FirstSet(hash)], &sets_[SecondSet(hash)]}) {
    __builtin_prefetch(&set->cells[0], 1);
    __builtin_prefetch(&set->cells[kWays / 2], 1);
  }
}

RateTable::Cell* RateTable::Set::Find(std::uint64_t key) {
  for (Cell& cell : cells) {
    if (cell.key == key) return &cell;
  }
  return nullptr;
}

std::size_t RateTable::Set::CountFree(Time now) const {
  return static_cast<std::size_t>(std::count_if(
      cells.begin(), cells.end(), [now](const Cell& cell) { return cell.IsFree(now); }));
}

RateTable::Cell& RateTable::Set::TakeFree(Time now) {
  return *std::find_if(cells.begin(), cells.end(),
                       [now](const Cell& cell) { return cell.IsFree(now); });
}

std::size_t RateTable::state_bytes() const {
  return sets_.size() * sizeof(Set) + shared_.size() * sizeof(Time);
}

}  // namespace holdfast::guard
