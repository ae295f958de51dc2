#include "guard/limits/restrictions.h"

#include <algorithm>

#include "base/check.h"
#include "base/mix.h"

namespace holdfast::guard {
namespace {

std::uint64_t KeyOf(const Scope& scope) {
  return Mix64(scope.name, static_cast<std::uint64_t>(scope.kind));
}

bool IsSameJudgement(const RestrictionProposal& a, const RestrictionProposal& b) {
  return a.action == b.action && a.rule == b.rule;
}

}  // namespace

std::string_view RestrictionActionWord(RestrictionAction action) {
  switch (action) {
    case RestrictionAction::kSlow:
      return "slow";
    case RestrictionAction::kChallenge:
      return "challenge";
    case RestrictionAction::kRefuse:
      return "refuse";
    case RestrictionAction::kPushDown:
      return "push_down";
  }
  return "none";
}

std::string_view ScopeKindWord(ScopeKind kind) {
  switch (kind) {
    case ScopeKind::kAccount:
      return "account";
    case ScopeKind::kKey:
      return "key";
    case ScopeKind::kAddress:
      return "address";
    case ScopeKind::kPrefix:
      return "prefix";
    case ScopeKind::kFingerprint:
      return "fingerprint";
  }
  return "none";
}

Restrictions::Restrictions(const RestrictionsOptions& options)
    : options_(options),
      entries_(options.restrictions_max),
      records_(options.records_max),
      last_id_(options.last_id) {}

RestrictionId Restrictions::Impose(const RestrictionProposal& proposal, Time now) {
  CHECK(proposal.term > Duration(0));
  Expire(now);
  const Entries::Index known = entries_.Find(KeyOf(proposal.scope));
  if (known != Entries::kNone) return Renew(known, proposal, now);

  if (entries_.is_full()) End(entries_.Least(), RestrictionEvent::kDisplaced, now);
  const Time expires = now + std::min(proposal.term, options_.term_max);
  const Restriction restriction{++last_id_, now, expires, proposal};
  entries_.Insert(KeyOf(proposal.scope), expires, Entry{false, restriction});
  ++of_kind_[static_cast<std::size_t>(proposal.scope.kind)];
  Record(RestrictionEvent::kImposed, restriction, now, 0);
  return last_id_;
}

RestrictionId Restrictions::Renew(Entries::Index index, const RestrictionProposal& proposal,
                                  Time now) {
  if (entries_[index].is_pardon) return 0;
  Restriction& restriction = entries_[index].restriction;
  const Duration term = std::min(proposal.term, options_.term_max);
  const Duration left = restriction.expires - now;
  if (IsSameJudgement(restriction.what, proposal) && left >= term / 2) return restriction.id;

  restriction.what = proposal;
  restriction.expires = std::max(restriction.expires, now + term);
  entries_.SetRank(index, restriction.expires);
  Record(RestrictionEvent::kRenewed, restriction, now, 0);
  return restriction.id;
}

bool Restrictions::Undo(RestrictionId id, Time now, std::uint64_t by) {
  Expire(now);
  for (const Entries::Index index : entries_.indices()) {
    Entry& entry = entries_[index];
    if (entry.restriction.id != id || entry.is_pardon) continue;
    Record(RestrictionEvent::kUndone, entry.restriction, now, by);
    entry.is_pardon = true;
    entries_.SetRank(index, now + options_.pardon);
    return true;
  }
  return false;
}

void Restrictions::Expire(Time now) {
  while (entries_.size() > 0 && entries_.rank(entries_.Least()) <= now) {
    End(entries_.Least(), RestrictionEvent::kExpired, now);
  }
}

const Restriction* Restrictions::Find(const Scope& scope, Time now) const {
  if (scope.name == 0 || of_kind_[static_cast<std::size_t>(scope.kind)] == 0) return nullptr;
  const Entries::Index index = entries_.Find(KeyOf(scope));
  if (index == Entries::kNone || entries_[index].is_pardon) return nullptr;
  const Restriction& restriction = entries_[index].restriction;
  return restriction.expires > now ? &restriction : nullptr;
}

const Restriction* Restrictions::Find(const Caller& caller, Standing standing, Time now) const {
  if (entries_.size() == 0) return nullptr;
  const Restriction* strongest = nullptr;
  for (const Scope& scope :
       {Scope{ScopeKind::kAccount, caller.account}, Scope{ScopeKind::kKey, caller.key},
        Scope{ScopeKind::kAddress, caller.address}, Scope{ScopeKind::kPrefix, caller.prefix},
        Scope{ScopeKind::kFingerprint, caller.fingerprint}}) {
    if (scope.IsShared() && standing == Standing::kHistory) break;
    const Restriction* found = Find(scope, now);
    if (found != nullptr && (strongest == nullptr || found->what.action > strongest->what.action)) {
      strongest = found;
    }
  }
  return strongest;
}

const Restriction* Restrictions::FindId(RestrictionId id, Time now) const {
  for (const Entries::Index index : entries_.indices()) {
    const Entry& entry = entries_[index];
    const bool is_it = entry.restriction.id == id && !entry.is_pardon;
    if (is_it && entry.restriction.expires > now) return &entry.restriction;
  }
  return nullptr;
}

std::vector<Restriction> Restrictions::List(Time now) const {
  std::vector<Restriction> list;
  for (const Entries::Index index : entries_.indices()) {
    if (!entries_[index].is_pardon && entries_.rank(index) > now) {
      list.push_back(entries_[index].restriction);
    }
  }
  std::sort(list.begin(), list.end(),
            [](const Restriction& a, const Restriction& b) { return a.id < b.id; });
  return list;
}

void Restrictions::End(Entries::Index index, RestrictionEvent event, Time now) {
  if (!entries_[index].is_pardon) Record(event, entries_[index].restriction, now, 0);
  --of_kind_[static_cast<std::size_t>(entries_[index].restriction.what.scope.kind)];
  entries_.Erase(index);
}

void Restrictions::Record(RestrictionEvent event, const Restriction& restriction, Time now,
                          std::uint64_t by) {
  records_.Add({.time = now, .event = event, .restriction = restriction, .by = by});
}

}  // namespace holdfast::guard
