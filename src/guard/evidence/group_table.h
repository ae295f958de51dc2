// GroupTable: features of groups by name, in fixed memory: sets of eight; in a full set the group
// with the fewest clients now makes room (its counts start again if it comes back).
// Single-threaded.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "guard/evidence/group_features.h"
#include "guard/tables/state_bytes.h"

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
  // What is usual of each, and nothing else. Read into an empty table.
  void Save(StateWriter& writer) const;
  void Load(StateReader& reader);
  std::size_t state_bytes() const;

 private:
  static constexpr std::size_t kWays = 8;
  // kWays: it is not there.
  std::size_t WayOf(std::size_t set, std::uint64_t name) const;
  // The way that makes room in a full set.
  std::size_t LeastOf(std::size_t set, std::uint32_t epoch) const;

  struct alignas(64) Names {
    std::array<std::uint64_t, kWays> of;  // 0: free.
  };

  std::size_t SetOf(std::uint64_t name) const { return name & (sets_.size() - 1); }

  std::vector<Names> sets_;
  std::vector<GroupFeatures> groups_;  // kWays a set.
};

}  // namespace holdfast::guard
