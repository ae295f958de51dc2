// The trainer's forward pass and the serving model's agree on what the trainer exports.
#include "trainer/export.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "model/latent_cache.h"
#include "model/model.h"
#include "trainer/test_folder.h"
#include "trainer/test_models.h"
#include "trainer/train_step.h"
#include "weights/checkpoint.h"

namespace holdfast::trainer {
namespace {

double MeanLoss(const std::vector<float>& logits, std::span<const std::int32_t> targets,
                std::int64_t vocabulary) {
  double loss = 0;
  for (std::size_t t = 0; t < targets.size(); ++t) {
    const float* row = logits.data() + static_cast<std::int64_t>(t) * vocabulary;
    double sum = 0;
    for (std::int64_t i = 0; i < vocabulary; ++i) sum += std::exp(static_cast<double>(row[i]));
    loss += std::log(sum) - row[targets[t]];
  }
  return loss / static_cast<double>(targets.size());
}

// log p of each token after the last position. The trainer tells losses alone: these are the losses
// of the batches that end with each token in turn.
std::vector<double> LastLogProbabilities(TrainState& state, PackedBatch batch) {
  std::ranges::fill(batch.loss_mask, 0);
  batch.loss_mask.back() = 1;
  std::vector<double> result;
  for (std::int32_t id = 0; id < state.layout().config().vocab_size; ++id) {
    batch.tokens.back() = id;
    result.push_back(-state.Evaluate(batch, {}).loss);
  }
  return result;
}

// Rounds the weights to what the export keeps, so that both sides hold the same numbers.
void RoundMatrices(TrainState& state) {
  for (const Parameter& p : state.layout().parameters()) {
    if (p.cols == 0) continue;
    for (std::int64_t i = p.offset; i < p.offset + p.Count(); ++i) {
      kernels::Bf16 rounded;
      kernels::FromFloat(state.weights()[static_cast<std::size_t>(i)], rounded);
      state.weights()[static_cast<std::size_t>(i)] = kernels::ToFloat(rounded);
    }
  }
}

TEST(Export, TheServingModelComputesTheTrainersLosses) {
  const struct {
    std::int64_t q_lora_rank;
    bool has_yarn;
  } shapes[] = {{0, false}, {12, false}, {12, true}};
  for (const auto& shape : shapes) {
    model::ModelConfig config = TinyConfig();
    config.q_lora_rank = shape.q_lora_rank;
    if (shape.has_yarn) UseYarn(config);
    config.num_nextn_predict_layers = 1;
    config.n_group = 4;
    config.topk_group = 2;
    const auto layout = ParameterLayout::Make(config);
    ASSERT_TRUE(layout.has_value());
    parallel::ThreadPool pool(1);
    TrainStateOptions options;
    options.bf16 = options.optimizer.bf16 = false;
    options.micro_batch_tokens = options.seq_len_max = 40;
    options.init_deviation = 0.15;
    TrainState state(*layout, options, pool);
    Random random(3);
    for (float& bias : state.router_bias()) bias = static_cast<float>(0.05 * random.Normal());
    for (int step = 0; step < 5; ++step) {
      state.Step(RandomBatch(2, 40, config.vocab_size, 20 + step),
                 {.learning_rate = 0.01, .mtp_weight = 0.3});
    }
    RoundMatrices(state);
    const PackedBatch batch = RandomBatch(1, 40, config.vocab_size, 9);
    const StepResult trained = state.Evaluate(batch, {.mtp_weight = 1});

    const TestFolder folder;
    const auto exported = ExportHuggingFace(state, "", folder.path() / "model");
    ASSERT_TRUE(exported.has_value()) << exported.error().message;
    const auto checkpoint = weights::Checkpoint::Open(folder.path() / "model");
    ASSERT_TRUE(checkpoint.has_value()) << checkpoint.error().message;
    const auto served = model::Model::Load(**checkpoint, pool, {.reference_kernels = true});
    ASSERT_TRUE(served.has_value()) << served.error().message;
    const std::span<const std::int32_t> all(batch.tokens);
    const auto inputs = all.first(40);
    std::vector<float> logits(static_cast<std::size_t>(40 * config.vocab_size));
    model::LatentCache cache((*served)->config(), {8, 5});
    std::vector<model::BlockId> table(5);
    std::iota(table.begin(), table.end(), 0);
    const model::Slice slice{inputs, 0, table, model::Slice::Logits::kAll};
    (*served)->Forward({&slice, 1}, cache, logits.data(), {});
    EXPECT_NEAR(MeanLoss(logits, all.subspan(1), config.vocab_size), trained.loss, 1e-4);
    const float* last = logits.data() + 39 * config.vocab_size;
    const std::vector<double> expected = LastLogProbabilities(state, batch);
    for (std::int64_t id = 1; id < config.vocab_size; ++id) {
      ASSERT_NEAR(last[id] - last[0], expected[id] - expected[0], 1e-3) << id;
    }
    // Row i of the MTP logits predicts token i + 2.
    ASSERT_TRUE((*served)->ForwardMtp(all, logits.data()).has_value());
    EXPECT_NEAR(MeanLoss(logits, all.subspan(2), config.vocab_size), trained.mtp_loss, 1e-4);
  }
}

}  // namespace
}  // namespace holdfast::trainer
