// Restrictions: every limit that was put on somebody by judgement, with due process: what for (rule
// and evidence), until when, and how to take it back: Undo is one call, leaves a record, and
// pardons the scope for a while so that the same rule does not simply speak again. (Rate limits,
// which hold for everybody alike, are not restrictions.) Owned by EdgeLimiter; single-threaded.
//
// At most `restrictions_max` at a time, each with an end of at most `term_max`. Full: the one that
// ends soonest makes room and is recorded as displaced; the newest judgement always holds. Every
// change is a record, drained by the caller in order (record_log.h says what happens if it does
// not). Find O(1), Impose O(log n), Undo O(n), all memory taken at the start.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "guard/clock.h"
#include "guard/facts.h"
#include "guard/tables/bounded_map.h"
#include "guard/tables/record_log.h"

namespace holdfast::guard {

using RestrictionId = std::uint64_t;  // From 1; 0: none.

enum class ScopeKind : std::uint8_t { kAccount, kKey, kAddress, kPrefix, kFingerprint };
inline constexpr int kScopeKindCount = static_cast<int>(ScopeKind::kFingerprint) + 1;

// Whom a restriction is put on. More people than meant may stand behind an address, a prefix or a
// fingerprint: an account with history passes a restriction of such a shared scope, and a log-in
// meets it as a challenge at most (EdgeLimiter).
struct Scope {
  ScopeKind kind = ScopeKind::kAddress;
  std::uint64_t name = 0;  // The keyed hash in Caller.

  bool IsShared() const { return kind >= ScopeKind::kAddress; }
  bool operator==(const Scope&) const = default;
};

// By strength.
enum class RestrictionAction : std::uint8_t {
  kSlow,       // Each client of the scope is held to EdgeLimits::slow.
  kChallenge,  // A proof of work must come first.
  kRefuse,
  kPushDown,  // Refused, and by the kernel where the scope is an address (push_down.h).
};

std::string_view RestrictionActionWord(RestrictionAction action);  // "push_down"
std::string_view ScopeKindWord(ScopeKind kind);                    // "address"

// A rule by which an address that is refused may not even connect.
inline constexpr std::string_view kHostileConnectionsRule = "hostile_connections";

struct RestrictionEvidence {
  std::string_view detector;  // Static storage. Empty: none.
  double value = 0;           // What it measured, in its own unit.
  double llr = 0;             // Its log-likelihood ratio for "hostile".
};

struct RestrictionProposal {
  Scope scope;
  RestrictionAction action = RestrictionAction::kRefuse;
  std::string_view rule;  // Static storage; a word of the closed list of rules.
  std::array<RestrictionEvidence, 3> evidence{};  // The strongest first.
  Duration term = std::chrono::minutes(5);        // Above 0.
};

struct Restriction {
  RestrictionId id = 0;
  Time since{};
  Time expires{};
  RestrictionProposal what;
};

// What whoever meets a restriction is told of it.
struct RestrictionNotice {
  RestrictionId id = 0;  // 0: it was no restriction.
  std::string_view rule;
  Time expires{};

  static RestrictionNotice Of(const Restriction& restriction) {
    return {restriction.id, restriction.what.rule, restriction.expires};
  }
};

enum class RestrictionEvent : std::uint8_t {
  kImposed,
  kRenewed,  // The same scope again: another action, rule or end.
  kExpired,
  kUndone,     // By somebody.
  kDisplaced,  // For want of room.
};

struct RestrictionRecord {
  std::uint64_t number = 0;  // From 1, in order, without gaps.
  Time time{};
  RestrictionEvent event = RestrictionEvent::kImposed;
  Restriction restriction;  // As it stands after an imposition, as it stood before an end.
  std::uint64_t by = 0;     // Who undid it (keyed hash); 0: the guard itself.
};

struct RestrictionsOptions {
  std::size_t restrictions_max = 1 << 14;
  std::size_t records_max = 1 << 12;
  Duration term_max = std::chrono::hours(24);
  Duration pardon = std::chrono::minutes(10);
  // Ids go on from here, so that a service that was started again uses none a second time.
  RestrictionId last_id = 0;
};

class Restrictions {
 public:
  explicit Restrictions(const RestrictionsOptions& options = {});

  // Puts the restriction on its scope and returns its id; 0 if the scope stands under a pardon. One
  // scope has one restriction: again on the same scope renews it under its old id, with the later
  // of the two ends; while less than half of the term has passed and nothing else is new, it does
  // nothing, so a rule may propose with every request.
  RestrictionId Impose(const RestrictionProposal& proposal, Time now);
  // False if there is none of this id (any more).
  bool Undo(RestrictionId id, Time now, std::uint64_t by);
  // Ends what has run out. Cheap when nothing has.
  void Expire(Time now);

  // The strongest that holds for this caller, the narrower scope first; null: none. Good until the
  // next change.
  const Restriction* Find(const Caller& caller, Standing standing, Time now) const;
  const Restriction* Find(const Scope& scope, Time now) const;
  // Null: none of this id is in force. O(n).
  const Restriction* FindId(RestrictionId id, Time now) const;
  // All in force, by id.
  std::vector<Restriction> List(Time now) const;

  void DrainRecords(std::vector<RestrictionRecord>& out) { records_.Drain(out); }
  std::uint64_t records_lost() const { return records_.lost(); }
  std::size_t size() const { return entries_.size(); }
  std::size_t state_bytes() const { return entries_.state_bytes() + records_.state_bytes(); }

 private:
  // What Find reads of an entry comes first: one cache line with its key.
  struct Entry {
    bool is_pardon = false;
    Restriction restriction;
  };
  using Entries = BoundedMap<Time, Entry>;  // Rank: the end.

  RestrictionId Renew(Entries::Index index, const RestrictionProposal& proposal, Time now);
  void End(Entries::Index index, RestrictionEvent event, Time now);
  void Record(RestrictionEvent event, const Restriction& restriction, Time now, std::uint64_t by);

  RestrictionsOptions options_;
  Entries entries_;
  std::array<std::size_t, kScopeKindCount> of_kind_{};  // Entries, pardons included.
  RecordLog<RestrictionRecord> records_;
  RestrictionId last_id_ = 0;
};

}  // namespace holdfast::guard
