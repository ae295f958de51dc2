// Ablation: one assumption that simulator and judge share, taken away: how much of a score is owed
// to the world being as the judge expects it. Value types; pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::drill {

enum class Ablation : std::uint8_t {
  kNone,
  // Of the world.
  kNobodyKnown,       // No regular is announced before the first day.
  kReadingAttackers,  // Attackers take every answer to its end.
  kCrowdByApi,        // A crowd comes by programs of its own, with the retries of a stock SDK.
  kBrowserPages,      // A page is ten files, the others of them from a second address.
  kFreshInstall,      // Nobody is known or has history, and the incident comes within a minute.
  // Of what the judge is told.
  kOnsetUntold,         // The quiet time ends when the judge notices.
  kCapacityFromTokens,  // The engine's speed is estimated from what it did.
  kOtherEngine,         // The judge's engine is a fifth slower in a step and faster in a prompt.
  kRestart,             // All that was learned is lost 20 s after the onset.
};
inline constexpr int kAblationCount = static_cast<int>(Ablation::kRestart) + 1;

// "none", "nobody_known", ...
std::string_view AblationWord(Ablation ablation);
std::optional<Ablation> FindAblation(std::string_view word);

}  // namespace holdfast::drill
