#include "guard/evidence/group_table.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace holdfast::guard {

GroupTable::GroupTable(std::size_t groups_max) {
  const std::size_t sets = std::bit_ceil(std::max(groups_max, kWays) / kWays);
  set_mask_ = sets - 1;
  names_.resize(sets * kWays);
  groups_.resize(sets * kWays);
}

const GroupFeatures* GroupTable::Find(std::uint64_t name) const {
  const std::size_t first = SetOf(name);
  for (std::size_t slot = first; slot < first + kWays; ++slot) {
    if (names_[slot] == name) return &groups_[slot];
  }
  return nullptr;
}

GroupFeatures& GroupTable::Take(std::uint64_t name, std::uint32_t epoch) {
  CHECK(name != 0);
  const std::size_t first = SetOf(name);
  std::size_t loser = first;
  double loser_worth = 1e30;
  for (std::size_t slot = first; slot < first + kWays; ++slot) {
    if (names_[slot] == name) return groups_[slot];
    const GroupFeatures& group = groups_[slot];
    const std::uint32_t age = std::min(epoch - group.epoch, 31U);
    const double worth =
        names_[slot] == 0 ? -1 : (group.clients >> age) + group.usual + group.surge.excess;
    if (worth < loser_worth) {
      loser_worth = worth;
      loser = slot;
    }
  }
  names_[loser] = name;
  groups_[loser] = GroupFeatures{.epoch = epoch};
  return groups_[loser];
}

std::size_t GroupTable::state_bytes() const {
  return names_.capacity() * sizeof(names_[0]) + groups_.capacity() * sizeof(groups_[0]);
}

}  // namespace holdfast::guard
