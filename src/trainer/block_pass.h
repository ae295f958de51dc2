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
#include "kernels/gemm.h"
#include "model/rope.h"
#include "trainer/block_state.h"
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

// Weights as the products read them (`A`) and as the norms read them (float): the same array for
// float activations, a rounded copy for bf16.
template <typename A>
struct WeightViews {
  const float* master = nullptr;
  const A* product = nullptr;
};

struct BalanceOptions {
  double alpha = 0;
  double sequence_weight = 0;  // 1 / (sequences of the whole batch).
};

template <typename A>
class BlockPass {
 public:
  BlockPass(const ParameterLayout& layout, const PassSizes& sizes, const WeightViews<A>& weights,
            Scratch<A>& scratch)
      : layout_(layout),
        z_(sizes),
        weights_(weights),
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
  void AttentionForward(const MicroBatch& batch, const BlockOffsets& block,
                        AttentionState<A>& state, float* x) const;
  void AttentionBackward(const MicroBatch& batch, const BlockOffsets& block,
                         AttentionState<A>& state, float* d_x, float* gradients) const;
  void MakeKeys(const MicroBatch& batch, AttentionState<A>& state) const;
  void AttendForward(const MicroBatch& batch, std::int64_t row, std::int64_t head,
                     AttentionState<A>& state) const;
  void AttendBackward(const MicroBatch& batch, std::int64_t row, std::int64_t head,
                      AttentionState<A>& state, A* d_q, std::int64_t d_q_stride) const;
  void KeysBackward(const MicroBatch& batch) const;

  double FfnForward(const MicroBatch& batch, const BlockOffsets& block,
                    std::span<const float> router_bias, const BalanceOptions& balance,
                    FfnState<A>& state, float* x, std::int64_t* expert_count) const;
  void FfnBackward(const MicroBatch& batch, const BlockOffsets& block, FfnState<A>& state,
                   float* d_x, float* gradients) const;
  void GroupByExpert(std::int64_t tokens, FfnState<A>& state) const;
  void ExpertsForward(std::int64_t tokens, const BlockOffsets& block, FfnState<A>& state,
                      float* x) const;
  void ExpertsBackward(std::int64_t tokens, const BlockOffsets& block, FfnState<A>& state,
                       float* gradients) const;

  // y (+)= x W^T; d_x (+)= d_y W; d_W += d_y^T x. W [out, in] at `offset`.
  template <typename Out>
  void Project(std::int64_t rows, std::int64_t out, std::int64_t in, const A* x,
               std::int64_t x_stride, std::int64_t offset, Out* y, bool accumulate = false) const {
    kernels::Gemm({.m = rows, .n = out, .k = in, .transpose_b = true, .accumulate = accumulate},
                  kernels::GemmMatrix<const A>{x, x_stride},
                  kernels::GemmMatrix<const A>{weights_.product + offset, in},
                  kernels::GemmMatrix<Out>{y, out});
  }
  template <typename Out>
  void ProjectBack(std::int64_t rows, std::int64_t out, std::int64_t in, const A* d_y,
                   std::int64_t d_y_stride, std::int64_t offset, Out* d_x,
                   bool accumulate = false) const {
    kernels::Gemm({.m = rows, .n = in, .k = out, .accumulate = accumulate},
                  kernels::GemmMatrix<const A>{d_y, d_y_stride},
                  kernels::GemmMatrix<const A>{weights_.product + offset, in},
                  kernels::GemmMatrix<Out>{d_x, in});
  }
  void AddWeightGradient(std::int64_t rows, std::int64_t out, std::int64_t in, const A* d_y,
                         std::int64_t d_y_stride, const A* x, std::int64_t x_stride,
                         float* d_weight) const {
    if (rows == 0) return;
    kernels::Gemm({.m = out, .n = in, .k = rows, .transpose_a = true, .accumulate = true},
                  kernels::GemmMatrix<const A>{d_y, d_y_stride},
                  kernels::GemmMatrix<const A>{x, x_stride},
                  kernels::GemmMatrix<float>{d_weight, in});
  }

  const ParameterLayout& layout_;
  const PassSizes& z_;
  const WeightViews<A>& weights_;
  Scratch<A>& s_;
  const float attention_scale_;
};

}  // namespace holdfast::trainer
