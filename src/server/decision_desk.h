// DecisionDesk: the guard's decisions as operators see them: those in force, of the live door, and
// the last that have ended. Who undoes one is in the audit log before it takes effect.
//
// Ended ones are kept in memory, kEndedMax of them; an undone one is in the audit log for good. The
// names in them are keyed hashes.
//
// Thread-safe; Undo blocks on the disk. What it is given must outlive it.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "accounts/account.h"
#include "api/account/guard_desk.h"
#include "audit/event.h"
#include "crypto/keyed_hash.h"
#include "server/live_door.h"

namespace holdfast::server {

// Into the audit log; what could not be written must not be done.
using WriteDown = std::function<accounts::Outcome<void>(const audit::Event& event)>;

class DecisionDesk {
 public:
  static constexpr std::size_t kEndedMax = 1024;
  static constexpr std::size_t kPageMax = 100;

  // `on_record` hears what becomes of each restriction, in order, under the desk's lock.
  DecisionDesk(LiveDoor& door, WriteDown write_down, const crypto::HashKey& key,
               std::function<void(const guard::RestrictionRecord&)> on_record = nullptr);

  // Takes in what became of restrictions since the last time. To be called every second or so.
  void Hear();

  // At most `page_max` of them, the newest first.
  api::GuardPage List(std::string_view cursor, bool has_ended, std::size_t page_max = kPageMax);
  std::optional<api::GuardDecision> Find(std::string_view id);
  // `actor`: an account's id, or "console". Errors: kNotFound, kStoreDown.
  accounts::Outcome<void> Undo(std::string_view id, std::string_view actor);

 private:
  struct Ended {
    guard::RestrictionId id = 0;
    api::GuardDecision decision;
  };

  void HearLocked();
  api::GuardDecision ToDecision(const guard::Restriction& restriction) const;

  LiveDoor& door_;
  const WriteDown write_down_;
  const crypto::HashKey& key_;
  const std::function<void(const guard::RestrictionRecord&)> on_record_;
  std::mutex mutex_;
  std::vector<guard::RestrictionRecord> records_;
  std::deque<Ended> ended_;  // The newest last.
};

}  // namespace holdfast::server
