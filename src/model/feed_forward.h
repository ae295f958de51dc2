// FeedForward: the gated MLP of a dense layer, or shared and routed experts of an MoE layer, over a
// batch. Tokens are sorted by expert, so each stage is one MatMul call over all experts at once.
// One object a model, used by the thread that runs Model::Forward.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/matmul.h"
#include "model/batch.h"
#include "model/config.h"
#include "model/layer_weights.h"
#include "model/operations.h"
#include "parallel/thread_pool.h"

namespace holdfast::model {

class FeedForward {
 public:
  FeedForward(const ModelConfig& config, const Operations& operations, parallel::ThreadPool& pool);

  // x [rows, D] normed input; adds the layer's output to `residual` [rows, D]. A row's additions
  // come in one order: shared experts, then its experts from best to last.
  void Run(const LayerWeights& layer, std::int64_t rows, const float* x, float* residual);

 private:
  void RouteRows(const LayerWeights& layer, std::int64_t rows);
  void SortByExpert(std::int64_t rows);
  void ActivateRows(float* gate, const float* up, std::int64_t rows, std::int64_t inner);

  const ModelConfig& config_;
  const Operations& operations_;
  parallel::ThreadPool& pool_;
  kernels::RoutingOptions routing_;

  // Dense layer or shared experts; [rows, inner] and [rows, D].
  Scratch<float> gate_, up_, down_;
  // Routed experts; K experts a token. Pairs of (token, choice) sorted by expert.
  Scratch<float> router_logits_;            // [rows, E]
  Scratch<float> weight_;                   // [rows, K]
  Scratch<std::int32_t> chosen_;            // [rows, K] expert
  Scratch<std::int32_t> pair_place_;        // [rows, K] place among the sorted pairs
  Scratch<std::int32_t> pair_row_;          // [rows * K] row of x of each sorted pair
  std::vector<std::int64_t> expert_begin_;  // [E + 1] first sorted pair of each expert
  std::vector<std::int64_t> expert_next_;   // [E]
  Scratch<float> pair_gate_, pair_up_;      // [rows * K, moe_intermediate_size]
  Scratch<float> pair_down_;                // [rows * K, D]
  std::vector<kernels::MatMulJob> jobs_;
};

}  // namespace holdfast::model
