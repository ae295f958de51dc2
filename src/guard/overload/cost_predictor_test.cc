#include "guard/overload/cost_predictor.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace holdfast::guard {
namespace {

constexpr std::uint32_t kInitial = 256;

RequestFacts Asking(Route route, std::uint32_t tokens_max) {
  RequestFacts facts;
  facts.route = route;
  facts.tokens_max = tokens_max;
  return facts;
}

TEST(CostPredictor, BeginsWithWhatItWasGivenAndNeverExceedsMaxTokens) {
  const CostPredictor predictor(kInitial);
  const auto group = CostPredictor::GroupOf(Asking(Route::kChat, 0));
  EXPECT_EQ(predictor.Predict(group, 0, {}), kInitial);
  EXPECT_EQ(predictor.Predict(group, 16, {}), 16u);
}

TEST(CostPredictor, KnowsAClientByItsLastAnswers) {
  CostPredictor predictor(kInitial);
  const auto group = CostPredictor::GroupOf(Asking(Route::kApi, 0));
  AnswerHistory brief;
  AnswerHistory lengthy;
  for (int i = 0; i < 40; ++i) {
    predictor.Learn(group, 100, 20, Ending::kServed, brief);
    predictor.Learn(group, 100, 2000, Ending::kServed, lengthy);
  }
  EXPECT_LT(predictor.Predict(group, 0, brief), 250u);
  EXPECT_GT(predictor.Predict(group, 0, lengthy), 1500u);
}

TEST(CostPredictor, TellsGroupsApart) {
  CostPredictor predictor(kInitial);
  const auto small = CostPredictor::GroupOf(Asking(Route::kApi, 64));
  const auto large = CostPredictor::GroupOf(Asking(Route::kApi, 4096));
  AnswerHistory history;
  for (int i = 0; i < 64; ++i) {
    AnswerHistory stranger;
    predictor.Learn(small, 50, 60, Ending::kServed, stranger);
    predictor.Learn(large, 50, 1500, Ending::kServed, stranger);
  }
  EXPECT_NEAR(predictor.Predict(small, 64, history), 64, 10);
  EXPECT_NEAR(predictor.Predict(large, 4096, history), 1500, 150);
}

TEST(CostPredictor, LearnsFromAnAbandonedAnswerOnlyThatItWasLonger) {
  CostPredictor predictor(kInitial);
  const auto group = CostPredictor::GroupOf(Asking(Route::kChat, 0));
  AnswerHistory history;
  predictor.Learn(group, kInitial, 3, Ending::kAbandoned, history);
  predictor.Learn(group, kInitial, 3, Ending::kFailed, history);
  EXPECT_EQ(predictor.Predict(group, 0, history), kInitial);
  predictor.Learn(group, kInitial, 900, Ending::kAbandoned, history);
  EXPECT_GT(predictor.Predict(group, 0, history), kInitial);
}

TEST(CostPredictor, ItsSumsAreUnbiased) {
  CostPredictor predictor(kInitial);
  Random random(7);
  std::vector<AnswerHistory> clients(50);
  const auto group = CostPredictor::GroupOf(Asking(Route::kChat, 0));
  double predicted_sum = 0;
  double actual_sum = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::size_t client = random.Next() % clients.size();
    const double mean = 50.0 + 20.0 * static_cast<double>(client);
    const auto actual = static_cast<std::uint32_t>(mean * std::exp(0.7 * random.Normal()) + 1);
    const std::uint32_t predicted = predictor.Predict(group, 0, clients[client]);
    predictor.Learn(group, predicted, actual, Ending::kServed, clients[client]);
    predicted_sum += predicted;
    actual_sum += actual;
  }
  EXPECT_NEAR(predicted_sum / actual_sum, 1, 0.03);
  EXPECT_NEAR(predictor.bias(), 1, 0.15);
  EXPECT_GT(predictor.relative_error(), 0.3);
  EXPECT_LT(predictor.relative_error(), 1);
}

}  // namespace
}  // namespace holdfast::guard
