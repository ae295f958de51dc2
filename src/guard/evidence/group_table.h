// GroupTable: features of groups by name, in fixed memory: sets of eight; in a full set the group
// with the fewest clients now makes room (its counts start again if it comes back).
// Single-threaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "guard/evidence/group_features.h"

namespace holdfast::guard {

class GroupTable {
 public:
  // Rounded up to a power of two of sets.
  explicit GroupTable(std::size_t groups_max);

  const GroupFeatures* Find(std::uint64_t name) const;
  // Finds or makes it. The reference holds until the next call.
  GroupFeatures& Take(std::uint64_t name, std::uint32_t epoch);
  // All groups, in a stable order; unused ones are empty.
  std::span<GroupFeatures> groups() { return groups_; }
  std::size_t state_bytes() const;

 private:
  static constexpr std::size_t kWays = 8;
  std::size_t SetOf(std::uint64_t name) const { return (name & set_mask_) * kWays; }

  std::uint64_t set_mask_;
  std::vector<std::uint64_t> names_;  // 0: free.
  std::vector<GroupFeatures> groups_;
};

}  // namespace holdfast::guard
