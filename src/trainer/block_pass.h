// BlockPass: forward and backward of one transformer block (MLA attention, then a dense FFN or a
// mixture of experts) over one micro-batch, on the calling thread. Reads weights, adds to
// gradients; all activations live in the caller's BlockState and Scratch.
//
// Attention is the expanded form: keys and values of every head are made from the latent, as is
// fastest in training; it equals the absorbed form up to rounding.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/bf16.h"
#include "model/rope.h"
#include "trainer/block_state.h"
#include "trainer/layers.h"
#include "trainer/parameters.h"

namespace holdfast::trainer {

// One micro-batch as the blocks see it.
struct MicroBatch {
  std::int64_t rows = 0;
  std::int64_t seq_len = 0;
  const std::int32_t* first_key = nullptr;  // [T] first key each query sees, within its row.
  const float* cos = nullptr;               // [S, rope], see kernels::Rope.
  const float* sin = nullptr;

  std::int64_t tokens() const { return rows * seq_len; }
};

struct BalanceOptions {
  double alpha = 0;
  double sequence_weight = 0;  // 1 / (sequences of the whole batch).
};

template <typename A>
class BlockPass {
 public:
  BlockPass(const ParameterLayout& layout, const PassSizes& sizes, const Layers<A>& layers,
            Scratch<A>& scratch)
      : layout_(layout),
        z_(sizes),
        layers_(layers),
        s_(scratch),
        attention_scale_(static_cast<float>(model::AttentionScale(layout.config()))) {}

  // x [T, D] residual stream, updated in place. `router_bias` [E] of this block. Adds each expert's
  // choices to `expert_count` [E], and returns the block's balance loss.
  double Forward(const MicroBatch& batch, const BlockOffsets& block,
                 std::span<const float> router_bias, const BalanceOptions& balance,
                 BlockState<A>& state, float* x, std::int64_t* expert_count) const;

  // d_x [T, D]: gradient by the block's output, becomes the gradient by its input.
  void Backward(const MicroBatch& batch, const BlockOffsets& block, BlockState<A>& state,
                float* d_x, float* gradients) const;

 private:
  // What one head of one row reads, from its first token on.
  struct Head {
    const A* q;  // [S, qk], rows q_stride apart.
    const A* k;  // [S, qk], q_width apart.
    const A* v;  // [S, v], kv_width apart.
    A* p;        // [S, S]
  };

  void AttentionForward(const MicroBatch& batch, const BlockOffsets& block,
                        AttentionState<A>& state, float* x) const;
  void AttentionBackward(const MicroBatch& batch, const BlockOffsets& block,
                         AttentionState<A>& state, float* d_x, float* gradients) const;
  Head HeadOf(const MicroBatch& batch, const AttentionState<A>& state, std::int64_t row,
              std::int64_t head) const;
  void RotateQueries(const MicroBatch& batch, A* q, std::int64_t q_stride, bool inverse) const;
  void Rotate(const MicroBatch& batch, const A* from, std::int64_t from_stride, A* to,
              std::int64_t to_stride, bool inverse) const;
  void JoinKeys(const MicroBatch& batch, AttentionState<A>& state) const;
  void SplitKeyGradients(const MicroBatch& batch) const;
  void AttendForward(const MicroBatch& batch, std::int64_t row, std::int64_t head,
                     AttentionState<A>& state) const;
  void AttendBackward(const MicroBatch& batch, std::int64_t row, std::int64_t head,
                      AttentionState<A>& state, A* d_q, std::int64_t d_q_stride) const;

  double FfnForward(const MicroBatch& batch, const BlockOffsets& block,
                    std::span<const float> router_bias, const BalanceOptions& balance,
                    FfnState<A>& state, float* x, std::int64_t* expert_count) const;
  void FfnBackward(const MicroBatch& batch, const BlockOffsets& block, FfnState<A>& state,
                   float* d_x, float* gradients) const;
  void GroupByExpert(std::int64_t tokens, FfnState<A>& state) const;
  template <typename Body>
  void ForEachGroup(const FfnState<A>& state, const Body& body) const;
  void ExpertsForward(std::int64_t tokens, const BlockOffsets& block, FfnState<A>& state,
                      float* x) const;
  void ExpertsBackward(std::int64_t tokens, const BlockOffsets& block, FfnState<A>& state,
                       float* gradients) const;
  void RouterBackward(const MicroBatch& batch, const BlockOffsets& block, FfnState<A>& state,
                      float* gradients) const;

  // Weights of a block with the shapes that the configuration gives them.
  NormWeight AttentionNorm(const BlockOffsets& b) const { return {b.attention_norm, z_.hidden}; }
  NormWeight QueryNorm(const BlockOffsets& b) const { return {b.q_norm, z_.q_rank}; }
  NormWeight LatentNorm(const BlockOffsets& b) const { return {b.kv_norm, z_.latent}; }
  NormWeight FfnNorm(const BlockOffsets& b) const { return {b.ffn_norm, z_.hidden}; }
  LinearWeight InProj(const BlockOffsets& b) const { return {b.in_proj, z_.in_width, z_.hidden}; }
  LinearWeight QueryUp(const BlockOffsets& b) const { return {b.q_b, z_.q_width, z_.q_rank}; }
  LinearWeight LatentUp(const BlockOffsets& b) const { return {b.kv_b, z_.kv_width, z_.latent}; }
  LinearWeight OutProj(const BlockOffsets& b) const { return {b.o_proj, z_.hidden, z_.o_width}; }
  LinearWeight Router(const BlockOffsets& b) const { return {b.router, z_.experts, z_.hidden}; }

  const ParameterLayout& layout_;
  const PassSizes& z_;
  const Layers<A>& layers_;
  Scratch<A>& s_;
  const float attention_scale_;
};

}  // namespace holdfast::trainer
