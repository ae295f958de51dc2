#include "engine/sampler.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/random.h"

namespace holdfast::engine {
namespace {

using ::testing::HasSubstr;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> RandomLogits(std::size_t count, std::uint64_t seed, double spread = 6) {
  std::vector<float> logits(count);
  for (std::size_t i = 0; i < count; ++i) {
    logits[i] = static_cast<float>((RandomUnit(seed, i) - 0.5) * 2 * spread);
  }
  return logits;
}

TokenId Draw(const SamplingParams& params, std::span<const float> logits, std::uint64_t seed = 1,
             std::int64_t index = 0) {
  Sampler::Scratch scratch;
  return Sampler(params, seed, {}).Sample(logits, index, scratch).value().id;
}

// The plain definition, in doubles and with a full sort: the probability of each token.
std::vector<double> Distribution(const SamplingParams& params, std::span<const float> logits) {
  const std::size_t count = logits.size();
  std::vector<double> weights(count);
  const double max = *std::ranges::max_element(logits);
  for (std::size_t i = 0; i < count; ++i) {
    weights[i] = std::exp((logits[i] - max) / params.temperature);
    if (weights[i] < params.min_p) weights[i] = 0;
  }
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::greater(), [&](std::size_t i) { return logits[i]; });
  if (params.top_k > 0) {
    for (std::size_t i = params.top_k; i < count; ++i) weights[order[i]] = 0;
  }
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  double mass = 0;
  for (const std::size_t i : order) {
    if (mass >= params.top_p * total && mass > 0) weights[i] = 0;
    mass += weights[i];
  }
  const double kept = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& weight : weights) weight /= kept;
  return weights;
}

TEST(Sampler, TemperatureZeroTakesTheBestAndTheLowestIdAtATie) {
  std::vector<float> logits(1000, -1.0f);
  logits[700] = logits[300] = logits[999] = 2.5f;
  EXPECT_EQ(Draw({.temperature = 0}, logits), 300);
}

TEST(Sampler, FrequenciesAreThoseOfThePlainDefinition) {
  const SamplingParams cases[] = {
      {},
      {.temperature = 0.4f},
      {.temperature = 3.0f},
      {.top_p = 0.7f},
      {.top_k = 3},
      {.min_p = 0.2f},
      {.temperature = 1.5f, .top_p = 0.9f, .top_k = 7, .min_p = 0.02f},
      {.top_p = 0.0f},
  };
  const std::vector<float> logits = RandomLogits(20, 5, 2);
  for (const SamplingParams& params : cases) {
    constexpr int kDraws = 40'000;
    std::vector<int> counts(logits.size());
    for (int i = 0; i < kDraws; ++i) ++counts[Draw(params, logits, 9, i)];
    const std::vector<double> expected = Distribution(params, logits);
    double chi_squared = 0;
    int bins = 0;
    for (std::size_t i = 0; i < logits.size(); ++i) {
      if (expected[i] == 0) {
        ASSERT_EQ(counts[i], 0) << "token " << i << " is cut off";
        continue;
      }
      const double mean = expected[i] * kDraws;
      chi_squared += (counts[i] - mean) * (counts[i] - mean) / mean;
      ++bins;
    }
    // Mean bins - 1, variance twice that: six standard deviations.
    EXPECT_LT(chi_squared, bins - 1 + 6 * std::sqrt(2.0 * bins)) << "top_p " << params.top_p;
  }
}

TEST(Sampler, PartialSelectionKeepsWhatAFullSortWould) {
  for (const std::size_t vocab_size : {5u, 63u, 64u, 65u, 300u, 5000u}) {
    for (int i = 0; i < 60; ++i) {
      std::vector<float> logits = RandomLogits(vocab_size, i, i % 3 == 0 ? 0.01 : 5);
      if (i % 4 == 0) std::ranges::fill(std::span(logits).first(vocab_size / 2), 1.0f);  // Ties.
      SamplingParams params;
      params.top_p = static_cast<float>(RandomUnit(77, i));
      if (i % 2 == 0) params.top_k = 1 + static_cast<int>(RandomUnit(78, i) * 400);
      const std::vector<double> expected = Distribution(params, logits);
      for (int draw = 0; draw < 20; ++draw) {
        EXPECT_GT(expected[Draw(params, logits, i, draw)], 0.0) << vocab_size << " " << i;
      }
    }
  }
}

TEST(Sampler, DrawDependsOnSeedAndIndexAlone) {
  const std::vector<float> logits = RandomLogits(1000, 5, 1);
  const TokenId token = Draw({}, logits, 3, 8);
  EXPECT_EQ(Draw({}, logits, 3, 8), token);
  std::map<TokenId, int> others;
  for (int i = 0; i < 50; ++i) {
    ++others[Draw({}, logits, 4 + i, 8)];
    ++others[Draw({}, logits, 3, 9 + i)];
  }
  EXPECT_GT(others.size(), 80u);
}

TEST(Sampler, BiasMovesTokensInAndOut) {
  std::vector<float> logits(10, 0.0f);
  logits[4] = 3;
  SamplingParams params{.temperature = 0};
  params.logit_bias = {{4, -100.0f}, {7, 5.0f}};
  EXPECT_EQ(Draw(params, logits), 7);
}

TEST(Sampler, PenaltiesCountPromptAndAnswerAsDocumented) {
  const std::vector<TokenId> prompt = {2, 2, 2};
  const std::vector<float> logits = {0.5f, 1.0f, 2.0f, -0.1f, -0.3f};
  Sampler::Scratch scratch;
  const auto next = [&](const SamplingParams& params, const std::vector<TokenId>& answer) {
    Sampler sampler(params, 1, prompt);
    for (const TokenId token : answer) sampler.Accept(token);
    return sampler.Sample(logits, 0, scratch).value().id;
  };
  // Repetition: divides positive logits of prompt and answer, multiplies negative ones.
  EXPECT_EQ(next({.temperature = 0, .repetition_penalty = 1.9f}, {}), 2);
  EXPECT_EQ(next({.temperature = 0, .repetition_penalty = 2.1f}, {}), 1);
  EXPECT_EQ(next({.temperature = 0, .repetition_penalty = 5.0f}, {1}), 0);
  // Presence and frequency: the answer alone.
  EXPECT_EQ(next({.temperature = 0, .presence_penalty = 10.0f}, {}), 2);
  EXPECT_EQ(next({.temperature = 0, .presence_penalty = 10.0f}, {2}), 1);
  EXPECT_EQ(next({.temperature = 0, .frequency_penalty = 0.6f}, {2}), 2);
  EXPECT_EQ(next({.temperature = 0, .frequency_penalty = 0.6f}, {2, 2}), 1);
  // Negative penalties ask for repetition.
  EXPECT_EQ(next({.temperature = 0, .presence_penalty = -5.0f}, {4}), 4);
}

TEST(Sampler, LogprobsAreTheModelsOwn) {
  const std::vector<float> logits = RandomLogits(300, 11, 4);
  SamplingParams params{.temperature = 0.5f, .presence_penalty = 1.0f};
  params.top_logprobs = 5;
  params.logit_bias = {{17, 50.0f}};
  Sampler sampler(params, 1, {});
  Sampler::Scratch scratch;
  const TokenEvent event = sampler.Sample(logits, 0, scratch).value();
  EXPECT_EQ(event.id, 17);
  const std::vector<double> expected = Distribution({}, logits);
  EXPECT_NEAR(event.logprob, std::log(expected[17]), 1e-5);
  std::vector<TokenId> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::greater(), [&](TokenId i) { return logits[i]; });
  ASSERT_EQ(event.top_logprobs.size(), 5u);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(event.top_logprobs[i].first, order[i]);
    EXPECT_NEAR(event.top_logprobs[i].second, std::log(expected[order[i]]), 1e-5);
  }
}

TEST(Sampler, ZeroTopLogprobsGivesTheChosenTokensAlone) {
  const std::vector<float> logits = RandomLogits(30, 11);
  SamplingParams params;
  params.top_logprobs = 0;
  Sampler::Scratch scratch;
  const TokenEvent event = Sampler(params, 1, {}).Sample(logits, 0, scratch).value();
  EXPECT_LT(event.logprob, 0);
  EXPECT_TRUE(event.top_logprobs.empty());
}

TEST(Sampler, ExtremeLogitsAndParametersGiveATokenThatWasPossible) {
  const std::vector<std::vector<float>> rows = {
      {1e38f, -1e38f, 0}, {-1e38f, -1e38f, -1e38f}, {0, -kInfinity, -kInfinity}, {5}, {1e-40f, 0}};
  for (const std::vector<float>& logits : rows) {
    for (const float temperature : {0.0f, 1e-45f, 1e-6f, 1.0f, 100.0f}) {
      for (const float top_p : {0.0f, 0.5f, 1.0f}) {
        SamplingParams params{.temperature = temperature, .top_p = top_p};
        params.top_logprobs = 3;
        Sampler::Scratch scratch;
        for (int i = 0; i < 20; ++i) {
          const TokenEvent event = Sampler(params, 1, {}).Sample(logits, i, scratch).value();
          EXPECT_TRUE(std::isfinite(logits[event.id]));
          EXPECT_FALSE(std::isnan(event.logprob));
        }
      }
    }
  }
}

TEST(Sampler, LogitsThatAreNotNumbersGiveNothing) {
  for (const std::size_t bad : {0u, 5u, 16u, 31u, 99u}) {
    for (const float value : {std::numeric_limits<float>::quiet_NaN(), kInfinity}) {
      std::vector<float> logits(100, 1.0f);
      logits[bad] = value;
      Sampler::Scratch scratch;
      EXPECT_FALSE(Sampler({}, 1, {}).Sample(logits, 0, scratch).has_value()) << bad;
      EXPECT_FALSE(Sampler({.temperature = 0}, 1, {}).Sample(logits, 0, scratch).has_value());
    }
  }
  Sampler::Scratch scratch;
  const std::vector<float> nothing(100, -kInfinity);
  EXPECT_FALSE(Sampler({}, 1, {}).Sample(nothing, 0, scratch).has_value());
}

TEST(Sampler, ParametersOutOfRangeAreNamed) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const struct {
    SamplingParams params;
    const char* message;
  } cases[] = {
      {{.temperature = -0.1f}, "temperature"},
      {{.temperature = nan}, "temperature"},
      {{.temperature = kInfinity}, "temperature"},
      {{.top_p = 1.1f}, "top_p"},
      {{.top_k = -1}, "top_k"},
      {{.min_p = -1}, "min_p"},
      {{.repetition_penalty = 0}, "repetition_penalty"},
      {{.presence_penalty = nan}, "presence_penalty"},
      {{.frequency_penalty = 1000}, "frequency_penalty"},
      {{.logit_bias = {{100, 1.0f}}}, "logit_bias names token 100"},
      {{.logit_bias = {{-1, 1.0f}}}, "logit_bias names token -1"},
      {{.logit_bias = {{1, nan}}}, "logit_bias"},
      {{.logit_bias = std::vector<std::pair<TokenId, float>>(2000)}, "logit_bias has 2000"},
      {{.top_logprobs = 65}, "top_logprobs is 65"},
  };
  for (const auto& c : cases) {
    const Result<void> result = CheckSamplingParams(c.params, 100);
    ASSERT_FALSE(result.has_value()) << c.message;
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(result.error().message, HasSubstr(c.message));
  }
  EXPECT_TRUE(CheckSamplingParams({}, 100).has_value());
}

// Not a test of speed: prints what a real vocabulary costs.
TEST(Sampler, PrintsItsCostOnALargeVocabulary) {
  const std::vector<float> flat = RandomLogits(129'280, 3, 6);
  std::vector<float> peaked = flat;
  for (float& logit : peaked) logit = logit * 2 - 30;
  for (int i = 0; i < 50; ++i) peaked[i * 1000] = 20.0f - static_cast<float>(i) / 4;
  const struct {
    const char* name;
    SamplingParams params;
  } cases[] = {{"greedy", {.temperature = 0}},
               {"temperature", {.temperature = 0.8f}},
               {"top_p 0.95", {.temperature = 0.8f, .top_p = 0.95f}},
               {"top_k 50", {.temperature = 0.8f, .top_k = 50}},
               {"logprobs", {.temperature = 0, .top_logprobs = 10}}};
  for (const auto& c : cases) {
    for (const std::vector<float>* logits : {&std::as_const(peaked), &flat}) {
      Sampler::Scratch scratch;
      const Sampler sampler(c.params, 1, {});
      sampler.Sample(*logits, 0, scratch);
      constexpr int kDraws = 5;
      const auto began = std::chrono::steady_clock::now();
      for (int i = 1; i <= kDraws; ++i)
        ASSERT_TRUE(sampler.Sample(*logits, i, scratch).has_value());
      const std::chrono::duration<double, std::micro> spent =
          std::chrono::steady_clock::now() - began;
      std::printf("%-12s %-6s %6.0f us a token\n", c.name, logits == &flat ? "flat" : "peaked",
                  spent.count() / kDraws);
    }
  }
}

}  // namespace
}  // namespace holdfast::engine
