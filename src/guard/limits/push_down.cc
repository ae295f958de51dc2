#include "guard/limits/push_down.h"

#include <algorithm>

namespace holdfast::guard {

void PushDownList::OnRecord(const RestrictionRecord& record) {
  const Restriction& restriction = record.restriction;
  if (restriction.what.scope.kind != ScopeKind::kAddress) return;
  const bool is_in_force =
      record.event == RestrictionEvent::kImposed || record.event == RestrictionEvent::kRenewed;
  if (is_in_force && restriction.what.action == RestrictionAction::kPushDown) {
    Add({restriction.what.scope.name, restriction.expires, restriction.what.rule, restriction.id});
    return;
  }
  const Entries::Index index = entries_.Find(restriction.what.scope.name);
  if (index != Entries::kNone) Remove(index);
}

void PushDownList::Expire(Time now) {
  while (entries_.size() > 0 && entries_.rank(entries_.Least()) <= now) Remove(entries_.Least());
}

bool PushDownList::Contains(std::uint64_t address, Time now) const {
  const Entries::Index index = entries_.Find(address);
  return index != Entries::kNone && entries_.rank(index) > now;
}

std::vector<PushDown> PushDownList::List(Time now) const {
  std::vector<PushDown> list;
  for (const Entries::Index index : entries_.indices()) {
    if (entries_.rank(index) > now) list.push_back(entries_[index]);
  }
  std::sort(list.begin(), list.end(),
            [](const PushDown& a, const PushDown& b) { return a.address < b.address; });
  return list;
}

void PushDownList::Add(const PushDown& entry) {
  const Entries::Index known = entries_.Find(entry.address);
  if (known != Entries::kNone) {
    entries_[known] = entry;
    entries_.SetRank(known, entry.until);
  } else {
    if (entries_.is_full()) {
      if (entry.until <= entries_.rank(entries_.Least())) return;
      Remove(entries_.Least());
    }
    entries_.Insert(entry.address, entry.until, entry);
  }
  changes_.Add({.is_added = true, .entry = entry});
}

void PushDownList::Remove(Entries::Index index) {
  changes_.Add({.is_added = false, .entry = entries_[index]});
  entries_.Erase(index);
}

}  // namespace holdfast::guard
