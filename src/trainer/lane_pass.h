// LanePass: the whole model, forward and backward, over the micro-batches of one lane, on one
// thread. A train step splits its batch over lanes; each lane has its own activations and gradient
// array, and lanes are summed in order, so a step's result depends on the number of lanes and never
// on threads or timing.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kernels/bf16.h"
#include "trainer/block_pass.h"
#include "trainer/block_state.h"
#include "trainer/parameters.h"
#include "trainer/token_source.h"

namespace holdfast::trainer {

// What is trained and how the losses weigh; the same for all lanes of a step.
struct LossOptions {
  double balance_alpha = 0;
  double z_loss = 0;
  double mtp_weight = 0;       // 0: the MTP module is not computed.
  bool mtp_only = false;       // Train the MTP module on a frozen trunk.
  bool isolate = false;        // No attention across segments of a row.
  double target_weight = 0;    // 1 / (target tokens of the whole batch).
  double sequence_weight = 0;  // 1 / (sequences of the whole batch).
  double mtp_target_weight = 0;
};

// Sums over the micro-batches of a lane since Reset.
struct PassStats {
  double loss = 0;  // Sum of -log p(target), nats.
  std::int64_t targets = 0;
  double mtp_loss = 0;
  std::int64_t mtp_targets = 0;
  double balance_loss = 0;                 // Weighted as it enters the objective.
  std::vector<std::int64_t> expert_count;  // [MoE blocks, E]

  void Add(const PassStats& other);
};

// Target tokens of rows [first, first + rows) of a batch; for MTP, of positions whose token after
// the next counts.
std::int64_t CountTargets(const PackedBatch& batch, std::int64_t first, std::int64_t rows);
std::int64_t CountMtpTargets(const PackedBatch& batch, bool isolate, std::int64_t first,
                             std::int64_t rows);

struct ModelViews {
  const float* master = nullptr;
  const kernels::Bf16* rounded = nullptr;  // Unused by float lanes.
  std::span<const float> router_bias;      // [MoE blocks, E]
};

class LanePass {
 public:
  struct Options {
    bool bf16 = true;
    std::int64_t micro_batch_tokens = 2048;
    std::int64_t seq_len = 256;
  };
  static std::unique_ptr<LanePass> Make(const ParameterLayout& layout, const Options& options);
  virtual ~LanePass() = default;

  // Rows [first, first + rows) of the batch, micro-batch by micro-batch. `gradients` is added to;
  // when empty only losses are computed.
  virtual void Run(const PackedBatch& batch, std::int64_t first, std::int64_t rows,
                   const ModelViews& model, const LossOptions& loss, std::span<float> gradients,
                   PassStats& stats) = 0;
  // Bytes of activations.
  virtual std::size_t bytes() const = 0;
};

}  // namespace holdfast::trainer
