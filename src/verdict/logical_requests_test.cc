#include "verdict/logical_requests.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace holdfast::verdict {
namespace {

constexpr std::uint64_t kAnswered = 1000;
constexpr std::uint64_t kTurnedAway = 2000;
constexpr std::uint32_t kNone = LogicalRequest::kNone;

JournalRecord Request(std::uint64_t client, double at_s, Ending ending, Route route) {
  return {.arrival = AtSeconds(at_s),
          .client = client,
          .group = 1,
          .request = client * 1000 + static_cast<std::uint64_t>(at_s),
          .held = std::chrono::seconds(ending == Ending::kServed ? 5 : 0),
          .first_token = std::chrono::seconds(ending == Ending::kServed ? 1 : 0),
          .prompt_tokens = 100,
          .output_tokens = ending == Ending::kServed ? 50U : 0U,
          .route = route,
          .ending = ending};
}

// A hundred callers who are answered and ask again 20 s later, all but one in four; and a hundred
// who are turned away and not seen again.
LogicalRequests Conversations(Route route) {
  std::vector<JournalRecord> records;
  for (std::uint64_t i = 0; i < 100; ++i) {
    const double at_s = 0.1 * static_cast<double>(i);
    records.push_back(Request(kAnswered + i, at_s, Ending::kServed, route));
    if (i % 4 > 0) records.push_back(Request(kAnswered + i, at_s + 25, Ending::kServed, route));
    records.push_back(Request(kTurnedAway + i, at_s, Ending::kRefused, route));
  }
  // By then it is known who has not come again.
  records.push_back(Request(1, 300, Ending::kServed, Route::kApi));
  std::ranges::stable_sort(records, {}, &JournalRecord::arrival);
  return BuildLogicalRequests(records, {.to = AtSeconds(400)}, 7);
}

TEST(LogicalRequests, HangATurnOnTheAnswerBefore) {
  const LogicalRequests built = Conversations(Route::kChat);
  int second_turns = 0;
  for (const LogicalRequest& request : built.requests) {
    if (!request.was_taken() || request.previous == kNone) continue;
    ++second_turns;
    const LogicalRequest& previous = built.requests[request.previous];
    EXPECT_EQ(previous.client, request.client);
    EXPECT_EQ(request.arrival - previous.arrival, std::chrono::seconds(25));
  }
  EXPECT_EQ(second_turns, 75);
}

// Of requests with an answer 75 of 175 are followed by another.
TEST(LogicalRequests, HaveTheTurnsThatWereNeverTakenForWantOfAnAnswer) {
  const LogicalRequests built = Conversations(Route::kChat);
  const auto first = std::ranges::find_if_not(built.requests, &LogicalRequest::was_taken);
  EXPECT_TRUE(std::none_of(first, built.requests.end(),
                           [](const LogicalRequest& request) { return request.was_taken(); }));
  int with_turns = 0;
  for (auto request = built.requests.begin(); request != first; ++request) {
    if (request->next_turn == kNone) continue;
    ++with_turns;
    const LogicalRequest& turn = built.requests[request->next_turn];
    EXPECT_GE(built.clients[request->client].id, kTurnedAway);
    EXPECT_FALSE(turn.was_taken());
    EXPECT_TRUE(built.AttemptsOf(turn).empty());
    EXPECT_EQ(turn.pause, std::chrono::seconds(20));
    EXPECT_EQ(turn.output_tokens, 50U);
  }
  EXPECT_NEAR(with_turns, 100 * 75 / 175, 15);
}

TEST(LogicalRequests, OfProgramsHangOnNothing) {
  for (const LogicalRequest& request : Conversations(Route::kApi).requests) {
    EXPECT_TRUE(request.was_taken());
    EXPECT_EQ(request.previous, kNone);
    EXPECT_EQ(request.next_turn, kNone);
  }
}

TEST(LogicalRequests, StillWaitingAreLostOnlyOnceTheyAreTooLate) {
  const ServiceLevel level;
  ObservedAttempt attempt{.held = level.first_token_max, .is_open = true};
  EXPECT_FALSE(WasLost(std::span(&attempt, 1), level));
  attempt.held += std::chrono::seconds(1);
  EXPECT_TRUE(WasLost(std::span(&attempt, 1), level));
  attempt.first_token = std::chrono::seconds(1);
  EXPECT_FALSE(WasLost(std::span(&attempt, 1), level));
}

TEST(ConductLaws, ShiftReturnsByWhatTheCallerMadeOfTheTimeHeWasTold) {
  using std::chrono::seconds;
  EXPECT_EQ(ConductLaws::Shift(seconds(10), seconds(10), seconds(30)), seconds(30));  // Punctual.
  EXPECT_EQ(ConductLaws::Shift(seconds(11), seconds(10), seconds(4)), seconds(5));
  EXPECT_EQ(ConductLaws::Shift(seconds(3), seconds(10), seconds(30)), seconds(3));    // Deaf to it.
  EXPECT_EQ(ConductLaws::Shift(seconds(40), seconds(10), seconds(20)), seconds(40));  // At leisure.
  EXPECT_EQ(ConductLaws::Shift(seconds(40), seconds(10), seconds(60)), seconds(60));
  EXPECT_EQ(ConductLaws::Shift(seconds(9), seconds(0), seconds(60)), seconds(9));  // Was not told.
  EXPECT_EQ(ConductLaws::Shift(seconds(10), seconds(10), seconds(600)), seconds(10));
}

}  // namespace
}  // namespace holdfast::verdict
