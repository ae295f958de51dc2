// Why the guard says no: a closed list, each one of the reasons of base/reason.h, so that a refusal
// is called the same in the answer, the journal and the verdict. A list of its own, since journals
// and bundles hold its numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/reason.h"

namespace holdfast::guard {

enum class Refusal : std::uint8_t {
  kNone,                 // Not refused.
  kYourRate,             // Over a rate limit of its address, prefix, account or key.
  kYourConcurrency,      // Too many requests of its own under way or waiting.
  kQueueFull,            // The bounded queue is full.
  kDeadlineUnreachable,  // It could not be served before its deadline.
  kShed,                 // Batch work, or an early retry, at this rung of the degradation ladder.
  kUnderAttack,          // Its cluster is held to be hostile.
  kChallengeRequired,    // A proof of work must come first.
  kRegistrationPaused,   // Registrations are restricted.
  kConnectionsFull,      // The door has no place for another connection.
  kEngineDown,           // No engine is up.
  kShorterAnswers,       // It sets a limit of tokens that is over what an answer may have now.
  kSignedInOnly,         // Callers without an account do not wait now,
  kHistoryOnly,          // nor those without history.
};
inline constexpr int kRefusalCount = static_cast<int>(Refusal::kHistoryOnly) + 1;

// The reason for it; nullopt of kNone alone.
std::optional<Reason> ToReason(Refusal refusal);
// The word of its reason; "none" of kNone.
std::string_view RefusalWord(Refusal refusal);
// By limits and restrictions, before admission is asked.
bool IsByEdge(Refusal refusal);
// Also reads "engine_down", as kEngineDown was called.
std::optional<Refusal> FindRefusal(std::string_view word);

}  // namespace holdfast::guard
