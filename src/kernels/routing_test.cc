#include "kernels/routing.h"

#include <numeric>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/internal/for_each_target.h"

namespace holdfast::kernels {
namespace {

struct Chosen {
  std::vector<std::int32_t> index;
  std::vector<float> weight;
};

Chosen RunRoute(decltype(&Route) route, const std::vector<float>& logits,
                const std::vector<float>& bias, const RoutingOptions& options) {
  Chosen chosen{std::vector<std::int32_t>(options.chosen_count),
                std::vector<float>(options.chosen_count)};
  route(logits.data(), bias.empty() ? nullptr : bias.data(), options, chosen.index.data(),
        chosen.weight.data());
  return chosen;
}

struct Shape {
  const char* name;
  RoutingOptions options;
  bool has_bias;
};

const Shape kShapes[] = {
    {"v3", {256, 8, 8, 4, true, true, true, 2.5f}, true},
    {"v2", {160, 6, 8, 3, false, false, false, 16.0f}, false},
    {"v2-lite", {64, 6, 1, 1, false, false, false, 1.0f}, false},
    {"moonlight", {64, 6, 1, 1, true, true, true, 2.446f}, true},
    {"kimi-k2", {384, 8, 1, 1, true, true, true, 2.827f}, true},
    {"odd", {21, 5, 7, 3, true, true, true, 1.0f}, true},
    {"groups of one", {5, 2, 5, 2, true, true, false, 1.0f}, true},
    {"all", {3, 3, 1, 1, false, false, true, 1.0f}, false},
};

TEST(Route, AgreesWithReferenceOnAllTargets) {
  internal::ForEachTarget([] {
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    for (const Shape& shape : kShapes) {
      SCOPED_TRACE(shape.name);
      for (int round = 0; round < 50; ++round) {
        std::vector<float> logits(shape.options.expert_count), bias;
        for (float& logit : logits) logit = 2 * normal(random);
        if (shape.has_bias) {
          for (std::size_t i = 0; i < logits.size(); ++i) bias.push_back(0.2f * normal(random));
        }
        const Chosen got = RunRoute(Route, logits, bias, shape.options);
        const Chosen want = RunRoute(reference::Route, logits, bias, shape.options);
        ASSERT_EQ(got.index, want.index);
        for (std::size_t k = 0; k < got.weight.size(); ++k) {
          ASSERT_NEAR(got.weight[k], want.weight[k], 3e-6f * shape.options.scale);
        }
      }
    }
  });
}

TEST(Route, BiasSelectsButDoesNotWeigh) {
  const RoutingOptions options{.expert_count = 3, .chosen_count = 1, .normalizes = false};
  const Chosen chosen = RunRoute(Route, {2, 0, -2}, {0, 0, 10}, options);
  EXPECT_EQ(chosen.index[0], 2);
  EXPECT_NEAR(chosen.weight[0], 0.1192029f, 1e-6f);  // sigmoid(-2), no trace of the bias.
}

// Where biased scores are negative, an excluded group masked with 0 would win over them.
TEST(Route, ExcludedGroupsLoseAgainstNegativeScores) {
  const RoutingOptions options{.expert_count = 4,
                               .chosen_count = 2,
                               .group_count = 2,
                               .chosen_group_count = 1,
                               .normalizes = false};
  const std::vector<float> bias = {-5, -5, -6, -6};
  internal::ForEachTarget([&] {
    const Chosen chosen = RunRoute(Route, {0, 1, 0, 1}, bias, options);
    EXPECT_EQ(chosen.index, (std::vector<std::int32_t>{1, 0}));
  });
}

TEST(Route, RanksGroupsByTwoOrByBest) {
  RoutingOptions options{.expert_count = 4,
                         .chosen_count = 1,
                         .group_count = 2,
                         .chosen_group_count = 1,
                         .normalizes = false};
  const std::vector<float> logits = {3, -9, 2, 2};
  EXPECT_EQ(RunRoute(Route, logits, {}, options).index[0], 2);
  options.ranks_groups_by_two = false;
  EXPECT_EQ(RunRoute(Route, logits, {}, options).index[0], 0);
}

TEST(Route, LowerIndexWinsATie) {
  const RoutingOptions options{.expert_count = 5, .chosen_count = 3};
  EXPECT_EQ(RunRoute(Route, {1, 1, 1, 1, 1}, {}, options).index,
            (std::vector<std::int32_t>{0, 1, 2}));
}

TEST(Route, ExtremeLogitsStayFinite) {
  internal::ForEachTarget([] {
    for (const bool is_sigmoid : {true, false}) {
      const RoutingOptions options{
          .expert_count = 4, .chosen_count = 2, .is_sigmoid = is_sigmoid, .normalizes = true};
      const Chosen chosen = RunRoute(Route, {-3e38f, 3e38f, -1e30f, 100}, {}, options);
      EXPECT_EQ(chosen.index[0], 1);
      EXPECT_GT(chosen.weight[0], 0.4f);
      for (const float weight : chosen.weight) EXPECT_TRUE(std::isfinite(weight));
    }
  });
}

}  // namespace
}  // namespace holdfast::kernels
