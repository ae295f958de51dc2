#include "guard/overload/request_costs.h"

#include <gtest/gtest.h>

namespace holdfast::guard {
namespace {

constexpr std::uint32_t kShort = 64;
constexpr std::uint32_t kGuess = 200;

RequestCosts MakeCosts(std::uint32_t short_answer_tokens = kShort) {
  return RequestCosts({.weight_input = 1,
                       .weight_output = 2,
                       .bytes_per_token = 4,
                       .output_tokens_initial = kGuess,
                       .request_tokens_max = 1 << 20,
                       .short_answer_tokens = short_answer_tokens});
}

RequestFacts Asking(std::uint32_t tokens_max, std::uint16_t choices = 1) {
  RequestFacts facts;
  facts.prompt_tokens = 100;
  facts.tokens_max = tokens_max;
  facts.choices = choices;
  return facts;
}

TEST(RequestCosts, ShortensAndChargesAnAnswerWithoutALimitWhileAnswersAreShortened) {
  const struct {
    std::uint32_t short_answer_tokens;
    bool shortens;
    RequestFacts facts;
    std::uint32_t tokens_max;
    double charge;
    double demand;
  } cases[] = {
      {kShort, true, Asking(0), kShort, 100 + 2 * kShort, 100 + 2 * kGuess},
      {kShort, true, Asking(0, 3), kShort, 100 + 6 * kShort, 100 + 6 * kGuess},
      {kShort, false, Asking(0), 0, 100 + 2 * kGuess, 100 + 2 * kGuess},
      {kShort, true, Asking(kShort), 0, 100 + 2 * kShort, 100 + 2 * kShort},
      {kShort, true, Asking(20), 0, 100 + 2 * 20, 100 + 2 * 20},
      {kShort, true, Asking(kShort + 1), 0, 100 + 2 * (kShort + 1), 100 + 2 * (kShort + 1)},
      {2 * kGuess, true, Asking(0), 2 * kGuess, 100 + 2 * kGuess, 100 + 2 * kGuess},
      {0, true, Asking(0), 0, 100 + 2 * kGuess, 100 + 2 * kGuess},
  };
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    const auto& c = cases[i];
    const RequestCost cost = MakeCosts(c.short_answer_tokens).Of(c.facts, {}, c.shortens);
    EXPECT_EQ(cost.tokens_max, c.tokens_max) << "case " << i;
    EXPECT_DOUBLE_EQ(cost.charge, c.charge) << "case " << i;
    EXPECT_DOUBLE_EQ(cost.demand, c.demand) << "case " << i;
  }
}

TEST(RequestCosts, OnlyALimitOverThatOfAShortAnswerIsLong) {
  const RequestCosts costs = MakeCosts();
  EXPECT_FALSE(costs.IsLong(Asking(0)));
  EXPECT_FALSE(costs.IsLong(Asking(kShort)));
  EXPECT_TRUE(costs.IsLong(Asking(kShort + 1)));
  EXPECT_FALSE(MakeCosts(0).IsLong(Asking(1 << 20)));
}

// Else what is wanted would seem to shrink while it is cut, and the ladder would swing.
TEST(RequestCosts, AShortenedAnswerTeachesNothing) {
  RequestCosts costs = MakeCosts();
  AnswerHistory history;
  for (int i = 0; i < 100; ++i) {
    const RequestCost charged = costs.Of(Asking(0), history, true);
    EXPECT_DOUBLE_EQ(costs.Settle(charged, kShort, Ending::kServed, history), 0);
  }
  EXPECT_EQ(costs.Of(Asking(0), history, false).predicted_output, kGuess);
}

TEST(RequestCosts, SettlesWhatAnAnswerTookBeyondItsChargeAndLearnsFromIt) {
  RequestCosts costs = MakeCosts();
  AnswerHistory history;
  const RequestCost charged = costs.Of(Asking(0, 2), history, false);
  EXPECT_DOUBLE_EQ(costs.Settle(charged, 2 * 300, Ending::kServed, history),
                   2.0 * 2 * (300 - kGuess));
  EXPECT_GT(costs.Of(Asking(0), history, false).predicted_output, kGuess);
}

}  // namespace
}  // namespace holdfast::guard
