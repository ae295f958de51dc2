#include "guard/refusal.h"

#include <iterator>

#include <gtest/gtest.h>

namespace holdfast::guard {
namespace {

TEST(Refusal, EveryWordNamesOneRefusal) {
  for (int i = 0; i < kRefusalCount; ++i) {
    const auto refusal = static_cast<Refusal>(i);
    EXPECT_EQ(FindRefusal(RefusalWord(refusal)), refusal);
  }
  EXPECT_EQ(FindRefusal("no_such_word"), std::nullopt);
}

TEST(Refusal, HasTheReasonOfItsName) {
  const struct {
    Refusal refusal;
    std::optional<Reason> reason;
    std::string_view word;
  } cases[] = {
      {Refusal::kNone, std::nullopt, "none"},
      {Refusal::kYourRate, Reason::kYourRate, "your_rate"},
      {Refusal::kYourConcurrency, Reason::kYourConcurrency, "your_concurrency"},
      {Refusal::kQueueFull, Reason::kQueueFull, "queue_full"},
      {Refusal::kDeadlineUnreachable, Reason::kDeadlineUnreachable, "deadline_unreachable"},
      {Refusal::kShed, Reason::kShed, "shed"},
      {Refusal::kUnderAttack, Reason::kUnderAttack, "under_attack"},
      {Refusal::kChallengeRequired, Reason::kChallengeRequired, "challenge_required"},
      {Refusal::kRegistrationPaused, Reason::kRegistrationPaused, "registration_paused"},
      {Refusal::kConnectionsFull, Reason::kConnectionsFull, "connections_full"},
      {Refusal::kEngineDown, Reason::kEngineRestarting, "engine_restarting"},
      {Refusal::kShorterAnswers, Reason::kShorterAnswers, "shorter_answers"},
      {Refusal::kSignedInOnly, Reason::kSignedInOnly, "signed_in_only"},
      {Refusal::kHistoryOnly, Reason::kHistoryOnly, "history_only"},
  };
  EXPECT_EQ(std::size(cases), static_cast<std::size_t>(kRefusalCount));
  for (const auto& c : cases) {
    EXPECT_EQ(ToReason(c.refusal), c.reason) << c.word;
    EXPECT_EQ(RefusalWord(c.refusal), c.word);
  }
}

TEST(Refusal, IsFoundByTheWordThatOldJournalsHave) {
  EXPECT_EQ(FindRefusal("engine_down"), Refusal::kEngineDown);
}

}  // namespace
}  // namespace holdfast::guard
