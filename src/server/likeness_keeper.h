// LikenessKeeper: keeps how likeness to an attack was measured here
// (guard/evidence/likeness_trial.h) over restarts, and lets the live door enforce it when it is.
// `likeness.trial` in the state folder is written each minute that changed something and at the
// end; what is in there of another version, of other coefficients or damaged counts for nothing:
// then likeness is in shadow, and measured anew.
//
// Thread-safe; blocks on the disk. What it is given must outlive it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string_view>

#include "accounts/account.h"
#include "base/result.h"
#include "guard/evidence/likeness_trial.h"
#include "json/json.h"
#include "metrics/registry.h"
#include "server/decision_desk.h"
#include "server/live_door.h"

namespace holdfast::server {

enum class LikenessMode : std::uint8_t { kMeasured, kShadow };
// "measured", "shadow". Errors: kInvalidArgument.
[[nodiscard]] Result<LikenessMode> ReadLikenessMode(std::string_view word);

class LikenessKeeper {
 public:
  static constexpr std::int64_t kSaveEveryMs = 60'000;

  LikenessKeeper(LiveDoor& door, WriteDown write_down, LikenessMode mode,
                 std::filesystem::path path, metrics::Registry& registry);

  // Takes in what the door has counted, and decides. To be called every second or so.
  void Look(std::int64_t now_ms);
  void Save();

  // A rehearsal stands for the days; in the audit log before it counts. Errors: kStoreDown.
  accounts::Outcome<void> MarkRehearsed(std::string_view actor);
  // How many were counted, how many of them accused, the bound, since when, by rule, and what that
  // comes to.
  json::Object Report();

 private:
  void LookLocked(std::int64_t now_ms);
  void SaveLocked();
  void Publish();

  LiveDoor& door_;
  const WriteDown write_down_;
  const LikenessMode mode_;
  const std::filesystem::path path_;
  std::mutex mutex_;
  guard::LikenessTrial trial_;
  guard::LikenessTrialCount seen_;  // Of the door, so far.
  bool is_changed_ = false;
  bool is_enforced_ = false;
  std::int64_t saved_ms_ = 0;
  metrics::Gauge asked_gauge_, accused_gauge_, bound_gauge_, enforced_gauge_;
};

// The file's text, and back. Errors: kCorrupt, kFailedPrecondition (another version or other
// coefficients).
std::string WriteLikeness(const guard::LikenessTrial::Record& record);
[[nodiscard]] Result<guard::LikenessTrial::Record> ReadLikeness(std::string_view text);

}  // namespace holdfast::server
