#include "guard/limits/rate_table.h"

#include <algorithm>
#include <bit>

#include "base/mix.h"

namespace holdfast::guard {

RateTable::RateTable(std::size_t cells, std::uint64_t seed)
    : seed_(seed),
      sets_(std::bit_ceil(std::max<std::size_t>(cells, 16)) / kWays),
      shared_(sets_.size(), Time::min()) {}

Time& RateTable::Find(std::uint64_t key, Time now) {
  const std::uint64_t hash = Mix64(key ^ seed_);
  const std::size_t mask = sets_.size() - 1;
  Set& first = sets_[hash & mask];
  Set& second = sets_[(hash >> 32) & mask];
  __builtin_prefetch(&second);
  if (Cell* cell = first.Find(key)) return cell->tat;
  if (Cell* cell = second.Find(key)) return cell->tat;

  Time& shared = shared_[Mix64(hash) & mask];
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
