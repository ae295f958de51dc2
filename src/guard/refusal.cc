#include "guard/refusal.h"

#include <array>

namespace holdfast::guard {
namespace {

constexpr std::array<std::optional<Reason>, kRefusalCount> kReasons = {
    std::nullopt,
    Reason::kYourRate,
    Reason::kYourConcurrency,
    Reason::kQueueFull,
    Reason::kDeadlineUnreachable,
    Reason::kShed,
    Reason::kUnderAttack,
    Reason::kChallengeRequired,
    Reason::kRegistrationPaused,
    Reason::kConnectionsFull,
    Reason::kEngineRestarting,
    Reason::kShorterAnswers,
    Reason::kSignedInOnly,
    Reason::kHistoryOnly,
};

constexpr std::string_view kNoneWord = "none";
constexpr std::string_view kEngineDownWord = "engine_down";  // In journals written before.

}  // namespace

std::optional<Reason> ToReason(Refusal refusal) {
  return kReasons[static_cast<std::size_t>(refusal)];
}

std::string_view RefusalWord(Refusal refusal) {
  const std::optional<Reason> reason = ToReason(refusal);
  return reason ? Word(*reason) : kNoneWord;
}

bool IsByEdge(Refusal refusal) {
  return refusal == Refusal::kYourRate || refusal == Refusal::kUnderAttack ||
         refusal == Refusal::kChallengeRequired || refusal == Refusal::kRegistrationPaused ||
         refusal == Refusal::kConnectionsFull;
}

std::optional<Refusal> FindRefusal(std::string_view word) {
  if (word == kEngineDownWord) return Refusal::kEngineDown;
  for (int i = 0; i < kRefusalCount; ++i) {
    if (RefusalWord(static_cast<Refusal>(i)) == word) return static_cast<Refusal>(i);
  }
  return std::nullopt;
}

}  // namespace holdfast::guard
