#include "trainer/train_step.h"

#include <cmath>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "kernels/gemm.h"
#include "trainer/reference/reference_model.h"
#include "trainer/test_models.h"

namespace holdfast::trainer {
namespace {

TrainStateOptions TinyOptions(bool bf16) {
  TrainStateOptions options;
  options.bf16 = bf16;
  options.optimizer.bf16 = bf16;
  options.micro_batch_tokens = 48;
  options.seq_len_max = 24;
  options.init_deviation = 0.15;
  return options;
}

// Masked targets, two documents a row, every loss term switched on.
PackedBatch MixedBatch() {
  PackedBatch batch = RandomBatch(5, 24, 97, 5);
  for (std::size_t i = 0; i < batch.loss_mask.size(); i += 5) batch.loss_mask[i] = 0;
  for (std::size_t i = 0; i < batch.segment.size(); ++i) batch.segment[i] = i % 24 >= 9;
  return batch;
}

StepOptions AllLosses(const model::ModelConfig& config) {
  return {.learning_rate = 0,
          .clip_norm = 0,
          .bias_update_speed = 0,
          .balance_alpha = 0.1,
          .z_loss = 0.01,
          .mtp_weight = config.num_nextn_predict_layers > 0 ? 0.3 : 0.0,
          .isolate = true};
}

struct Shape {
  const char* name;
  void (*change)(model::ModelConfig&);
};

constexpr Shape kShapes[] = {
    {"plain", [](model::ModelConfig&) {}},
    {"query compression", [](model::ModelConfig& c) { c.q_lora_rank = 12; }},
    {"softmax router, greedy",
     [](model::ModelConfig& c) {
       c.scoring_func = model::ScoringFunc::kSoftmax;
       c.topk_method = model::TopkMethod::kGreedy;
       c.norm_topk_prob = false;
     }},
    {"groups by best",
     [](model::ModelConfig& c) {
       c.scoring_func = model::ScoringFunc::kSoftmax;
       c.topk_method = model::TopkMethod::kGroupLimitedGreedy;
       c.norm_topk_prob = false;
       c.n_group = 4;
       c.topk_group = 2;
     }},
    {"groups by two best",
     [](model::ModelConfig& c) {
       c.n_group = 4;
       c.topk_group = 2;
     }},
    {"no shared expert", [](model::ModelConfig& c) { c.n_shared_experts = 0; }},
    {"dense", [](model::ModelConfig& c) { c.n_routed_experts = 0; }},
    {"mtp", [](model::ModelConfig& c) { c.num_nextn_predict_layers = 1; }},
    {"yarn", UseYarn},
};

class TrainStepShape : public testing::TestWithParam<Shape> {
 protected:
  void SetUp() override {
    model::ModelConfig config = TinyConfig();
    GetParam().change(config);
    auto layout = ParameterLayout::Make(config);
    ASSERT_TRUE(layout.has_value());
    layout_ = std::make_unique<ParameterLayout>(std::move(*layout));
  }

  // A state whose router biases matter to the choice.
  std::unique_ptr<TrainState> MakeState(bool bf16) {
    auto state = std::make_unique<TrainState>(*layout_, TinyOptions(bf16), pool_);
    Random random(8);
    for (float& bias : state->router_bias()) bias = static_cast<float>(0.05 * random.Normal());
    return state;
  }

  parallel::ThreadPool pool_{2};
  std::unique_ptr<ParameterLayout> layout_;
};

TEST_P(TrainStepShape, LossesEqualTheReferenceInDouble) {
  const PackedBatch batch = MixedBatch();
  const StepOptions step = AllLosses(layout_->config());
  for (const bool bf16 : {false, true}) {
    if (bf16 && !kernels::HasNativeBf16()) continue;
    const auto state = MakeState(bf16);
    const std::vector<double> weights(state->weights().begin(), state->weights().end());
    const auto expected = reference::Evaluate(*layout_, weights, state->router_bias(), batch, step);
    const StepResult actual = state->Evaluate(batch, step);
    EXPECT_NEAR(actual.loss, expected.loss, bf16 ? 2e-2 : 1e-5);
    EXPECT_NEAR(actual.mtp_loss, expected.mtp_loss, bf16 ? 2e-2 : 1e-5);
    EXPECT_NEAR(actual.balance_loss, expected.balance_loss, bf16 ? 5e-3 : 1e-5);
  }
}

// A few entries of every tensor: the f32 gradient against central differences of the reference.
TEST_P(TrainStepShape, GradientsEqualFiniteDifferencesOfTheReference) {
  const PackedBatch batch = MixedBatch();
  const StepOptions step = AllLosses(layout_->config());
  const auto state = MakeState(false);
  state->Step(batch, step);
  const std::span<const float> gradient = state->gradients();
  std::vector<double> weights(state->weights().begin(), state->weights().end());
  Random random(6);
  for (const Parameter& p : layout_->parameters()) {
    double largest = 0;
    for (std::int64_t i = p.offset; i < p.offset + p.Count(); ++i) {
      largest = std::max(largest, std::abs(static_cast<double>(gradient[i])));
    }
    EXPECT_GT(largest, 0) << p.name;
    for (int sample = 0; sample < 3; ++sample) {
      std::int64_t i = p.offset + static_cast<std::int64_t>(random.Next() % p.Count());
      // Rows of tokens that the batch lacks say nothing; take one that it has.
      if (p.kind == ParameterKind::kEmbedding) {
        i = p.offset + batch.tokens[random.Next() % 100] * p.cols + i % p.cols;
      }
      constexpr double kStep = 1e-6;
      const double middle = weights[i];
      double sides[2];
      for (const int side : {0, 1}) {
        weights[i] = middle + (side == 0 ? -kStep : kStep);
        sides[side] =
            reference::Evaluate(*layout_, weights, state->router_bias(), batch, step).Total(step);
      }
      weights[i] = middle;
      EXPECT_NEAR(gradient[i], (sides[1] - sides[0]) / (2 * kStep), 1e-3 * largest + 1e-7)
          << p.name << " at " << i - p.offset;
    }
  }
}

// bf16 differs from f32 by rounding alone: each tensor's gradient points the same way.
TEST_P(TrainStepShape, Bf16GradientsPointTheSameWayAsF32) {
  if (!kernels::HasNativeBf16()) GTEST_SKIP() << "no bf16 on this CPU";
  const PackedBatch batch = MixedBatch();
  StepOptions step = AllLosses(layout_->config());
  const auto wide = MakeState(false), narrow = MakeState(true);
  wide->Step(batch, step);
  narrow->Step(batch, step);
  for (const Parameter& p : layout_->parameters()) {
    double dot = 0, a = 0, b = 0;
    for (std::int64_t i = p.offset; i < p.offset + p.Count(); ++i) {
      const double x = wide->gradients()[i], y = narrow->gradients()[i];
      dot += x * y;
      a += x * x;
      b += y * y;
    }
    // Experts with few tokens change with every flipped choice.
    const bool is_sparse =
        p.name.find(".mlp.experts.") != std::string::npos || p.kind == ParameterKind::kRouter;
    EXPECT_GT(dot / std::sqrt(a * b), is_sparse ? 0.8 : 0.98) << p.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, TrainStepShape, testing::ValuesIn(kShapes), [](const auto& info) {
  std::string name = info.param.name;
  std::erase_if(name, [](char ch) { return !std::isalnum(ch); });
  return name;
});

TEST(TrainStep, MtpStageLeavesTheTrunkAloneAndHasTheRightGradient) {
  model::ModelConfig config = TinyConfig();
  config.num_nextn_predict_layers = 1;
  const auto layout = ParameterLayout::Make(config);
  ASSERT_TRUE(layout.has_value());
  parallel::ThreadPool pool(1);
  TrainState state(*layout, TinyOptions(false), pool);
  const PackedBatch batch = MixedBatch();
  const std::vector<float> before(state.weights().begin(), state.weights().end());
  const StepOptions step{.learning_rate = 0.01, .mtp_weight = 1, .mtp_only = true};
  const double first = state.Step(batch, step).mtp_loss;
  double last = first;
  for (int i = 0; i < 30; ++i) last = state.Step(batch, step).mtp_loss;
  EXPECT_LT(last, first - 0.5);
  for (const Parameter& p : layout->parameters()) {
    const bool is_same = std::memcmp(before.data() + p.offset, state.weights().data() + p.offset,
                                     static_cast<std::size_t>(p.Count()) * sizeof(float)) == 0;
    EXPECT_EQ(is_same, !p.is_mtp) << p.name;
  }
}

TEST(TrainStep, LeavesTheMtpModuleAloneWhenItsLossHasNoWeight) {
  model::ModelConfig config = TinyConfig();
  config.num_nextn_predict_layers = 1;
  const auto layout = ParameterLayout::Make(config);
  ASSERT_TRUE(layout.has_value());
  parallel::ThreadPool pool(1);
  for (const auto kind : {OptimizerOptions::Kind::kMuon, OptimizerOptions::Kind::kAdamW}) {
    TrainStateOptions options = TinyOptions(false);
    options.optimizer.kind = kind;
    TrainState state(*layout, options, pool);
    const PackedBatch batch = MixedBatch();
    // Moments of an earlier stage must not go on moving the module either.
    state.Step(batch, {.learning_rate = 0.01, .mtp_weight = 1});
    const std::vector<float> before(state.weights().begin(), state.weights().end());
    for (int i = 0; i < 3; ++i) state.Step(batch, {.learning_rate = 0.01});
    for (const Parameter& p : layout->parameters()) {
      const bool is_same = std::memcmp(before.data() + p.offset, state.weights().data() + p.offset,
                                       static_cast<std::size_t>(p.Count()) * sizeof(float)) == 0;
      EXPECT_EQ(is_same, p.is_mtp) << p.name;
    }
  }
}

TEST(TrainStep, OverfitsATinySetToNearZeroLoss) {
  const auto layout = ParameterLayout::Make(TinyConfig());
  ASSERT_TRUE(layout.has_value());
  parallel::ThreadPool pool(2);
  for (const bool bf16 : {false, true}) {
    if (bf16 && !kernels::HasNativeBf16()) continue;
    for (const auto kind : {OptimizerOptions::Kind::kMuon, OptimizerOptions::Kind::kAdamW}) {
      TrainStateOptions options = TinyOptions(bf16);
      options.optimizer.kind = kind;
      TrainState state(*layout, options, pool);
      const PackedBatch batch = RandomBatch(4, 16, 97, 3);
      double loss = 0;
      for (int step = 0; step < 300; ++step) {
        const StepResult result = state.Step(batch, {.learning_rate = 0.01});
        ASSERT_TRUE(result.is_finite);
        loss = result.loss;
        if (step == 0) {
          EXPECT_GT(loss, 4.0);
        }
      }
      EXPECT_LT(loss, 0.01) << "bf16 " << bf16 << " kind " << static_cast<int>(kind);
    }
  }
}

TEST(TrainStep, IsTheSameToTheBitForAnyNumberOfThreads) {
  const auto layout = ParameterLayout::Make(TinyConfig());
  ASSERT_TRUE(layout.has_value());
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2, 3}) {
    parallel::ThreadPool pool(threads);
    TrainStateOptions options = TinyOptions(kernels::HasNativeBf16());
    options.lanes = 3;
    TrainState state(*layout, options, pool);
    for (int step = 0; step < 5; ++step) {
      state.Step(RandomBatch(7, 24, 97, 100 + step), {.learning_rate = 0.01});
    }
    results.emplace_back(state.weights().begin(), state.weights().end());
  }
  for (const std::vector<float>& result : results) {
    EXPECT_EQ(std::memcmp(result.data(), results[0].data(), result.size() * sizeof(float)), 0);
  }
}

// How a batch is cut into micro-batches changes the order of sums and nothing else.
TEST(TrainStep, AccumulatedMicroBatchesGiveTheWholeBatchsGradient) {
  const auto layout = ParameterLayout::Make(TinyConfig());
  ASSERT_TRUE(layout.has_value());
  parallel::ThreadPool pool(1);
  PackedBatch batch = MixedBatch();
  // Targets spread unevenly: normalised by micro-step they would weigh differently.
  std::fill_n(batch.loss_mask.begin(), 70, 0);
  std::vector<std::vector<float>> gradients;
  for (const std::int64_t tokens : {24, 48, 120}) {
    TrainStateOptions options = TinyOptions(false);
    options.micro_batch_tokens = tokens;
    options.lanes = tokens == 24 ? 4 : 1;
    TrainState state(*layout, options, pool);
    state.Step(batch, {.learning_rate = 0, .clip_norm = 0});
    gradients.emplace_back(state.gradients().begin(), state.gradients().end());
  }
  for (std::size_t i = 0; i < gradients[0].size(); ++i) {
    ASSERT_NEAR(gradients[0][i], gradients[2][i], 2e-6);
    ASSERT_NEAR(gradients[1][i], gradients[2][i], 2e-6);
  }
}

TEST(TrainStep, RouterBiasMovesAgainstTheLoad) {
  const auto layout = ParameterLayout::Make(TinyConfig());
  ASSERT_TRUE(layout.has_value());
  parallel::ThreadPool pool(1);
  TrainState state(*layout, TinyOptions(false), pool);
  // One expert wanted by every token, one by none.
  state.router_bias()[0] = 5;
  state.router_bias()[1] = -5;
  const StepResult result =
      state.Step(MixedBatch(), {.learning_rate = 0, .bias_update_speed = 0.25});
  EXPECT_EQ(result.expert_count[0], 120);
  EXPECT_EQ(result.expert_count[1], 0);
  EXPECT_FLOAT_EQ(state.router_bias()[0], 4.75f);
  EXPECT_FLOAT_EQ(state.router_bias()[1], -4.75f);
}

TEST(TrainStep, ClipsTheWholeGradientAndLeavesWeightsAloneWhenItIsNotANumber) {
  const auto layout = ParameterLayout::Make(TinyConfig());
  ASSERT_TRUE(layout.has_value());
  parallel::ThreadPool pool(1);
  TrainStateOptions options = TinyOptions(false);
  options.optimizer.kind = OptimizerOptions::Kind::kAdamW;
  TrainState state(*layout, options, pool);
  const StepResult result = state.Step(MixedBatch(), {.learning_rate = 0, .clip_norm = 0.01});
  EXPECT_GT(result.gradient_norm, 0.01);
  double square = 0;
  for (const float moment : state.optimizer().first_moment()) {
    square += static_cast<double>(moment) * moment;
  }
  EXPECT_NEAR(std::sqrt(square), 0.1 * 0.01, 1e-6);
  state.weights()[static_cast<std::size_t>(layout->final_norm())] = NAN;
  const std::vector<float> before(state.weights().begin(), state.weights().end());
  EXPECT_FALSE(state.Step(MixedBatch(), {.learning_rate = 0.1}).is_finite);
  EXPECT_EQ(std::memcmp(before.data(), state.weights().data(), before.size() * sizeof(float)), 0);
}

}  // namespace
}  // namespace holdfast::trainer
