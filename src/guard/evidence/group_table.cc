#include "guard/evidence/group_table.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace holdfast::guard {

GroupTable::GroupTable(std::size_t groups_max)
    : sets_(std::bit_ceil(std::max(groups_max, kWays) / kWays)), groups_(sets_.size() * kWays) {}

const GroupFeatures* GroupTable::Find(std::uint64_t name) const {
  const std::size_t set = SetOf(name);
  for (std::size_t way = 0; way < kWays; ++way) {
    if (sets_[set].of[way] == name) return &groups_[set * kWays + way];
  }
  return nullptr;
}

GroupFeatures& GroupTable::Take(std::uint64_t name, std::uint32_t epoch) {
  CHECK(name != 0);
  const std::size_t set = SetOf(name);
  Names& names = sets_[set];
  for (std::size_t way = 0; way < kWays; ++way) {
    if (names.of[way] == name) return groups_[set * kWays + way];
  }
  const std::size_t loser = LeastOf(set, epoch);
  names.of[loser] = name;
  groups_[set * kWays + loser] = GroupFeatures{.epoch = epoch};
  return groups_[set * kWays + loser];
}

std::size_t GroupTable::LeastOf(std::size_t set, std::uint32_t epoch) const {
  const auto worth = [&](std::size_t way) -> double {
    if (sets_[set].of[way] == 0) return -1;
    const GroupFeatures& group = groups_[set * kWays + way];
    const std::uint32_t age = std::min(epoch - group.epoch, 31U);
    return (group.clients >> age) + group.usual + group.surge.excess;
  };
  std::size_t least = 0;
  for (std::size_t way = 1; way < kWays; ++way) {
    if (worth(way) < worth(least)) least = way;
  }
  return least;
}

std::size_t GroupTable::state_bytes() const {
  return sets_.capacity() * sizeof(sets_[0]) + groups_.capacity() * sizeof(groups_[0]);
}

}  // namespace holdfast::guard
