#include "trainer/train_step.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include <gtest/gtest.h>

#include "kernels/gemm.h"
#include "trainer/random.h"

namespace holdfast::trainer {
namespace {

model::ModelConfig TinyConfig() {
  model::ModelConfig c;
  c.vocab_size = 97;
  c.hidden_size = 32;
  c.intermediate_size = 48;
  c.moe_intermediate_size = 16;
  c.num_hidden_layers = 2;
  c.first_k_dense_replace = 1;
  c.num_attention_heads = 2;
  c.n_routed_experts = 4;
  c.n_shared_experts = 1;
  c.num_experts_per_tok = 2;
  c.routed_scaling_factor = 1.4;
  c.kv_lora_rank = 16;
  c.qk_nope_head_dim = 8;
  c.qk_rope_head_dim = 4;
  c.v_head_dim = 8;
  c.max_position_embeddings = 64;
  return c;
}

PackedBatch RandomBatch(std::int64_t rows, std::int64_t seq_len, std::int64_t vocabulary,
                        std::uint64_t seed) {
  Random random(seed);
  PackedBatch batch;
  batch.rows = rows;
  batch.seq_len = seq_len;
  for (std::int64_t i = 0; i < rows * (seq_len + 1); ++i) {
    batch.tokens.push_back(static_cast<std::int32_t>(random.Next() % vocabulary));
  }
  batch.loss_mask.assign(rows * seq_len, 1);
  batch.segment.assign(rows * seq_len, 0);
  return batch;
}

TEST(TrainStep, OverfitsATinySetToNearZeroLoss) {
  for (const bool bf16 : {false, true}) {
    if (bf16 && !kernels::HasNativeBf16()) continue;
    const auto layout = ParameterLayout::Make(TinyConfig());
    ASSERT_TRUE(layout.has_value());
    parallel::ThreadPool pool(2);
    TrainStateOptions options;
    options.bf16 = bf16;
    options.optimizer.bf16 = bf16;
    options.micro_batch_tokens = 32;
    options.seq_len_max = 16;
    options.init_deviation = 0.1;
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
    EXPECT_LT(loss, 0.01) << "bf16 " << bf16;
  }
}

struct GradientCase {
  const char* name;
  void (*change)(model::ModelConfig&);
};

double Objective(const StepResult& result, const StepOptions& options) {
  return result.loss + options.mtp_weight * result.mtp_loss + result.balance_loss;
}

// Along each parameter's own gradient the loss must rise by the gradient's squared length: one
// directional derivative a tensor, exact enough in f32 to see any missing or wrong term.
TEST(TrainStep, GradientOfEachTensorIsTheDirectionalDerivative) {
  const GradientCase cases[] = {
      {"plain", [](model::ModelConfig&) {}},
      {"query compression", [](model::ModelConfig& c) { c.q_lora_rank = 12; }},
      {"softmax router",
       [](model::ModelConfig& c) {
         c.scoring_func = model::ScoringFunc::kSoftmax;
         c.topk_method = model::TopkMethod::kGreedy;
         c.norm_topk_prob = false;
       }},
      {"no shared expert", [](model::ModelConfig& c) { c.n_shared_experts = 0; }},
      {"mtp", [](model::ModelConfig& c) { c.num_nextn_predict_layers = 1; }},
  };
  parallel::ThreadPool pool(2);
  for (const GradientCase& test : cases) {
    model::ModelConfig config = TinyConfig();
    // All experts chosen: no choice flips between the two sides of a difference.
    config.num_experts_per_tok = config.n_routed_experts;
    test.change(config);
    const auto layout = ParameterLayout::Make(config);
    ASSERT_TRUE(layout.has_value());
    TrainStateOptions options;
    options.bf16 = false;
    options.optimizer.bf16 = false;
    options.micro_batch_tokens = 48;
    options.seq_len_max = 24;
    options.init_deviation = 0.15;
    TrainState state(*layout, options, pool);
    PackedBatch batch = RandomBatch(4, 24, 97, 5);
    for (std::size_t i = 0; i < batch.loss_mask.size(); i += 5) batch.loss_mask[i] = 0;
    for (std::size_t i = 0; i < batch.segment.size(); ++i) batch.segment[i] = i % 24 >= 9;
    const StepOptions step{.learning_rate = 0,
                           .clip_norm = 0,
                           .bias_update_speed = 0,
                           .balance_alpha = 0.1,
                           .mtp_weight = config.num_nextn_predict_layers > 0 ? 0.3 : 0.0,
                           .isolate = true};
    state.Step(batch, step);
    const std::vector<float> gradient(state.gradients().begin(), state.gradients().end());
    const std::vector<float> weights(state.weights().begin(), state.weights().end());
    for (const Parameter& p : layout->parameters()) {
      double square = 0;
      for (std::int64_t i = p.offset; i < p.offset + p.Count(); ++i) {
        square += static_cast<double>(gradient[i]) * gradient[i];
      }
      ASSERT_GT(square, 0) << test.name << " " << p.name;
      const double step_size = 5e-4 / square;
      double objective[2];
      for (const int side : {0, 1}) {
        for (std::int64_t i = p.offset; i < p.offset + p.Count(); ++i) {
          state.weights()[i] = static_cast<float>(
              weights[i] + (side == 0 ? -1 : 1) * step_size * static_cast<double>(gradient[i]));
        }
        objective[side] = Objective(state.Evaluate(batch, step), step);
      }
      std::copy(weights.begin() + p.offset, weights.begin() + p.offset + p.Count(),
                state.weights().begin() + p.offset);
      const double slope = (objective[1] - objective[0]) / (2 * step_size);
      EXPECT_NEAR(slope / square, 1.0, 0.02) << test.name << " " << p.name;
    }
  }
}

}  // namespace
}  // namespace holdfast::trainer
