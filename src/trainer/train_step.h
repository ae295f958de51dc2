// TrainState: everything a run changes — weights, moments, router bias, counters — and the train
// step that changes it. Bit-reproducible: the same state, batch and options give the same next
// state for any number of threads (the number of lanes is part of the options).
// Single-threaded; the pool's workers help inside a step.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "parallel/thread_pool.h"
#include "tensor/aligned_buffer.h"
#include "trainer/lane_pass.h"
#include "trainer/optimizer.h"
#include "trainer/parameters.h"
#include "trainer/token_source.h"

namespace holdfast::trainer {

struct TrainStateOptions {
  bool bf16 = true;
  int lanes = 2;  // Parts of a batch summed apart; at least the number of threads to use them all.
  std::int64_t micro_batch_tokens = 2048;
  std::int64_t seq_len_max = 256;
  double init_deviation = 0.02;
  std::uint64_t seed = 1;
  OptimizerOptions optimizer;
};

struct StepOptions {
  double learning_rate = 0;
  double clip_norm = 1.0;            // 0: none.
  double bias_update_speed = 0.001;  // Gamma of the router bias.
  double balance_alpha = 0;
  double z_loss = 0;
  double mtp_weight = 0;  // 0: the MTP module is left as it is.
  bool mtp_only = false;
  bool isolate = false;
};

struct StepResult {
  double loss = 0;      // Mean over target tokens, nats.
  double mtp_loss = 0;  // The same for the MTP module.
  double balance_loss = 0;
  double gradient_norm = 0;  // Before clipping.
  std::int64_t targets = 0;
  std::int64_t mtp_targets = 0;
  // Choices of each expert over the mean, largest of all MoE blocks.
  double expert_load_max = 0;
  std::vector<std::int64_t> expert_count;  // [MoE blocks, E]
  // False: loss or gradient was not a number; weights were left as they were.
  bool is_finite = true;
};

class TrainState {
 public:
  TrainState(const ParameterLayout& layout, const TrainStateOptions& options,
             parallel::ThreadPool& pool);

  // The step, in the order of its name: lanes forward and backward, their sum, clipping, the
  // optimizer, the router bias.
  StepResult Step(const PackedBatch& batch, const StepOptions& options);
  // Losses alone.
  StepResult Evaluate(const PackedBatch& batch, const StepOptions& options);

  const ParameterLayout& layout() const { return layout_; }
  std::span<float> weights() { return weights_; }
  std::span<const float> weights() const { return weights_; }
  std::span<float> router_bias() { return router_bias_; }
  std::span<const float> router_bias() const { return router_bias_; }
  Optimizer& optimizer() { return optimizer_; }
  // Summed gradient of the last step, before clipping.
  std::span<const float> gradients() const { return gradients_[0]; }
  // To be called after weights were changed from outside.
  void RefreshRounded();
  std::size_t activation_bytes() const;

 private:
  PassStats RunLanes(const PackedBatch& batch, const LossOptions& loss, bool with_gradients);
  // Adds all lanes into the first and returns the sum of squares of what is trained.
  double SumLanes(TrainedPart part);
  void UpdateRouterBias(const PassStats& stats, double speed, TrainedPart part);

  const ParameterLayout& layout_;
  TrainStateOptions options_;
  parallel::ThreadPool& pool_;
  tensor::AlignedBuffer<float> weights_;
  tensor::AlignedBuffer<kernels::Bf16> rounded_;
  tensor::AlignedBuffer<float> router_bias_;
  Optimizer optimizer_;
  std::vector<std::unique_ptr<LanePass>> passes_;        // One a worker: activations.
  std::vector<tensor::AlignedBuffer<float>> gradients_;  // One a lane.
};

}  // namespace holdfast::trainer
