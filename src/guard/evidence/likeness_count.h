// What likeness to an attack did or would have done, counted by the door. Value types.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "guard/evidence/proposals.h"

namespace holdfast::guard {

// What likeness did, or would have done.
struct LikenessCount {
  std::string_view rule;  // Of a closed list; static storage.
  RestrictionAction action = RestrictionAction::kRefuse;
  std::uint64_t count = 0;  // Requests that were refused for it, and connections that led to it.
};
inline constexpr int kLikenessCount = 3;
inline constexpr std::array<LikenessCount, kLikenessCount> kLikenessCounts = {{
    {kHostileClusterRule, RestrictionAction::kChallenge},
    {kHostileClusterRule, RestrictionAction::kRefuse},
    {kHostileConnectionsRule, RestrictionAction::kPushDown},
}};

// Of requests of accounts in good standing (with history, under no restriction) while nothing
// presses and registrations are as the operator has them: how many likeness would have accused, had
// it been asked for a place.
struct LikenessTrialCount {
  std::uint64_t asked = 0;
  std::uint64_t accused = 0;                               // By any rule.
  std::array<std::uint64_t, kLikenessCount> accused_by{};  // As kLikenessCounts has them.
  bool operator==(const LikenessTrialCount&) const = default;
};

}  // namespace holdfast::guard
