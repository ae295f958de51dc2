#include "guard/refusal.h"

#include <array>

namespace holdfast::guard {
namespace {

constexpr std::array<std::string_view, kRefusalCount> kWords = {
    "none",
    "your_rate",
    "your_concurrency",
    "queue_full",
    "deadline_unreachable",
    "shed",
    "under_attack",
    "challenge_required",
    "registration_paused",
    "connections_full",
    "engine_down",
};

}  // namespace

std::string_view RefusalWord(Refusal refusal) { return kWords[static_cast<std::size_t>(refusal)]; }

bool IsByEdge(Refusal refusal) {
  return refusal == Refusal::kYourRate || refusal == Refusal::kUnderAttack ||
         refusal == Refusal::kChallengeRequired || refusal == Refusal::kRegistrationPaused ||
         refusal == Refusal::kConnectionsFull;
}

std::optional<Refusal> FindRefusal(std::string_view word) {
  for (std::size_t i = 0; i < kWords.size(); ++i) {
    if (kWords[i] == word) return static_cast<Refusal>(i);
  }
  return std::nullopt;
}

}  // namespace holdfast::guard
