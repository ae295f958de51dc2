// Why the guard says no: a closed list. The words are those of the API's reasons (api/reasons.h),
// so that a refusal is called the same in the answer, the journal and the verdict.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::guard {

enum class Refusal : std::uint8_t {
  kNone,                 // Not refused.
  kYourRate,             // Over a rate limit of its address, prefix, account or key.
  kYourConcurrency,      // Too many requests of its own under way or waiting.
  kQueueFull,            // The bounded queue is full.
  kDeadlineUnreachable,  // It could not be served before its deadline.
  kShed,                 // Its class is shed at this rung of the degradation ladder.
  kUnderAttack,          // Its cluster is held to be hostile.
  kChallengeRequired,    // A proof of work must come first.
  kRegistrationPaused,   // Registrations are restricted.
  kConnectionsFull,      // The door has no place for another connection.
  kEngineDown,           // No engine is up.
};
inline constexpr int kRefusalCount = static_cast<int>(Refusal::kEngineDown) + 1;

// "none", "your_rate", "your_concurrency", "queue_full", "deadline_unreachable", "shed",
// "under_attack", "challenge_required", "registration_paused", "connections_full", "engine_down".
std::string_view RefusalWord(Refusal refusal);
// By limits and restrictions, before admission is asked.
bool IsByEdge(Refusal refusal);
std::optional<Refusal> FindRefusal(std::string_view word);

}  // namespace holdfast::guard
