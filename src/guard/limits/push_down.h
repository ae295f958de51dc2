// PushDownList: the addresses that the kernel should drop before they cost anything, until when and
// why. Fed with the records of Restrictions, so undoing a restriction also takes the address off
// the list; what it adds and removes is drained in order by whoever tells the kernel (who knows the
// address behind the hash, and may set the kernel's own timer to `until`). Single-threaded.
//
// One entry an address; again prolongs it. At most `addresses_max`. Full: the entry that ends
// soonest makes room, if the new one ends later, else the new one is left out; either way whoever
// is not on the list is still refused by its restriction, only later and dearer. O(log n) a change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "guard/clock.h"
#include "guard/limits/restrictions.h"
#include "guard/tables/bounded_map.h"
#include "guard/tables/record_log.h"

namespace holdfast::guard {

struct PushDown {
  std::uint64_t address = 0;  // Caller::address.
  Time until{};
  std::string_view rule;  // Static storage.
  RestrictionId restriction = 0;
};

struct PushDownChange {
  std::uint64_t number = 0;  // From 1, in order, without gaps.
  bool is_added = false;     // Or prolonged; else removed, also when its time has run out.
  PushDown entry;
};

class PushDownList {
 public:
  explicit PushDownList(std::size_t addresses_max = 1 << 14, std::size_t changes_max = 1 << 14)
      : entries_(addresses_max), changes_(changes_max) {}

  // Of any restriction; those that do not concern the kernel are ignored.
  void OnRecord(const RestrictionRecord& record);
  void Expire(Time now);

  bool Contains(std::uint64_t address, Time now) const;
  std::vector<PushDown> List(Time now) const;  // By address.
  void DrainChanges(std::vector<PushDownChange>& out) { changes_.Drain(out); }
  std::uint64_t changes_lost() const { return changes_.lost(); }
  std::size_t size() const { return entries_.size(); }
  std::size_t state_bytes() const { return entries_.state_bytes() + changes_.state_bytes(); }

 private:
  using Entries = BoundedMap<Time, PushDown>;  // Rank: until.

  void Add(const PushDown& entry);
  void Remove(Entries::Index index);

  Entries entries_;
  RecordLog<PushDownChange> changes_;
};

}  // namespace holdfast::guard
