// What one block keeps of a micro-batch between its forward and its backward pass, and the scratch
// memory that blocks share. Plain pointers into one arena owned by the lane (lane_pass.h).
//
// Letters: T tokens of the micro-batch (rows x sequence length S), D hidden, H heads, R latent
// rank, Q query rank, E experts, k chosen experts, I inner width of an expert, M places for (token,
// expert) pairs, grouped by expert, each group padded to kExpertRowsMultiple.
// A: type of activations, float or Bf16.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "model/config.h"
#include "tensor/aligned_buffer.h"
#include "trainer/layers.h"
#include "trainer/parameters.h"

namespace holdfast::trainer {

// Expert groups are padded with zero rows to a multiple of this: the number of product shapes that
// oneDNN compiles stays small, for about 3 % more rows at 500 tokens an expert.
constexpr std::int64_t kExpertRowsMultiple = 32;
// Attention works on this many queries at a time, and skips keys that none of them sees.
constexpr std::int64_t kQueryBlock = 128;

// Rows of a group padded to that multiple.
constexpr std::int64_t PadRows(std::int64_t rows) {
  return (rows + kExpertRowsMultiple - 1) / kExpertRowsMultiple * kExpertRowsMultiple;
}

// Hands out aligned pieces of one buffer. The first walk (without memory) counts, the second hands
// out: the same code lays out both.
class Arena {
 public:
  template <typename T>
  T* Take(std::int64_t count) {
    const std::size_t bytes = (static_cast<std::size_t>(count) * sizeof(T) + 63) / 64 * 64;
    T* piece = memory_.empty() ? nullptr : reinterpret_cast<T*>(memory_.data() + used_);
    used_ += bytes;
    CHECK(memory_.empty() || used_ <= memory_.size());
    return piece;
  }
  // Allocates what the walk so far has counted and starts again from the beginning.
  void Allocate() {
    memory_ = tensor::AlignedBuffer<std::byte>(used_);
    used_ = 0;
  }
  std::size_t bytes() const { return memory_.size(); }

 private:
  tensor::AlignedBuffer<std::byte> memory_;
  std::size_t used_ = 0;
};

// Sizes derived from the config and the largest micro-batch.
struct PassSizes {
  std::int64_t tokens = 0;   // T, at most.
  std::int64_t seq_len = 0;  // S, at most.
  std::int64_t hidden = 0;
  std::int64_t heads = 0;
  std::int64_t qk = 0;  // nope + rope.
  std::int64_t nope = 0;
  std::int64_t rope = 0;
  std::int64_t v = 0;
  std::int64_t latent = 0;
  std::int64_t q_rank = 0;
  std::int64_t q_width = 0;      // H * qk
  std::int64_t in_width = 0;     // Columns of the fused input projection,
  std::int64_t latent_at = 0;    // of which the latent's begin here,
  std::int64_t key_rope_at = 0;  // and the rotary key's here.
  std::int64_t kv_width = 0;     // H * (nope + v)
  std::int64_t o_width = 0;      // H * v
  std::int64_t experts = 0;
  std::int64_t k = 0;
  std::int64_t expert_inner = 0;
  std::int64_t places = 0;     // M, at most.
  std::int64_t inner_max = 0;  // Widest dense or shared FFN.

  PassSizes(const model::ModelConfig& c, std::int64_t tokens_max, std::int64_t seq_len_max)
      : tokens(tokens_max),
        seq_len(seq_len_max),
        hidden(c.hidden_size),
        heads(c.num_attention_heads),
        qk(c.QkHeadDim()),
        nope(c.qk_nope_head_dim),
        rope(c.qk_rope_head_dim),
        v(c.v_head_dim),
        latent(c.kv_lora_rank),
        q_rank(c.q_lora_rank),
        q_width(heads * qk),
        in_width((q_rank > 0 ? q_rank : q_width) + c.LatentWidth()),
        latent_at(in_width - latent - rope),
        key_rope_at(in_width - rope),
        kv_width(heads * (nope + v)),
        o_width(heads * v),
        experts(c.n_routed_experts),
        k(c.num_experts_per_tok),
        expert_inner(c.moe_intermediate_size) {
    places = (tokens * k + experts * (kExpertRowsMultiple - 1)) / kExpertRowsMultiple *
             kExpertRowsMultiple;
    inner_max = std::max(c.intermediate_size, c.n_shared_experts * c.moe_intermediate_size);
  }
};

template <typename A>
struct AttentionState {
  NormState<A> in;        // [T, D]
  A* in_proj = nullptr;   // [T, in_width]: queries or query latent, latent, rotary key.
  NormState<A> q_latent;  // [T, Q], with query compression only.
  A* q = nullptr;         // [T, q_width]; points into in_proj without query compression.
  std::int64_t q_stride = 0;
  NormState<A> latent;  // [T, R]
  A* kv = nullptr;      // [T, kv_width]
  A* k = nullptr;       // [T, H, qk]
  A* p = nullptr;       // [rows, H, S, S]; entries right of a query block are not written.
  A* o = nullptr;       // [T, o_width]
};

template <typename A>
struct FfnState {
  NormState<A> in;  // [T, D]
  MlpState<A> mlp;  // [T, ...] dense or shared.
  // Mixture of experts only.
  float* scores = nullptr;          // [T, E]
  std::int32_t* chosen = nullptr;   // [T, k]
  float* weights = nullptr;         // [T, k]
  std::int32_t* place = nullptr;    // [T, k] row among the M places.
  std::int32_t* token = nullptr;    // [M] token of each place, -1 for padding.
  float* scale = nullptr;           // [M] weight of each place, 0 for padding.
  float* d_mean = nullptr;          // [rows, E] of the balance loss.
  std::vector<std::int64_t> first;  // [E + 1] first place of each expert.
  A* expert_in = nullptr;           // [M, D]
  A* expert_gate_up = nullptr;      // [M, 2 * I]
  A* expert_act = nullptr;          // [M, I]
};

template <typename A>
struct BlockState {
  AttentionState<A> attention;
  FfnState<A> ffn;
};

// Scratch that every block uses in turn.
template <typename A>
struct Scratch {
  float* scores = nullptr;        // [kQueryBlock, S]
  A* d_scores = nullptr;          // [S, S]
  A* rope = nullptr;              // [T, rope]
  A* d_x = nullptr;               // [T, D] the residual's gradient, rounded to A.
  float* d_in = nullptr;          // [T, max(D, R, Q)]
  A* d_in_proj = nullptr;         // [T, in_width]
  A* d_q = nullptr;               // [T, q_width], with query compression only.
  A* d_kv = nullptr;              // [T, kv_width]
  A* d_k = nullptr;               // [T, H, qk]
  A* d_o = nullptr;               // [T, o_width]
  A* d_act = nullptr;             // [max(T * inner, M * I)]
  A* d_gate_up = nullptr;         // Twice that.
  A* expert_rows = nullptr;       // [M, D]
  A* expert_rows2 = nullptr;      // [M, D]
  float* d_scale = nullptr;       // [M]
  float* d_weights = nullptr;     // [T, k]
  float* logits = nullptr;        // [T, E]
  A* d_logits = nullptr;          // [T, E]
  float* d_logits_f32 = nullptr;  // [T, E]
};

// A norm of at most `tokens` rows.
template <typename A>
NormState<A> TakeNorm(Arena& arena, std::int64_t tokens, std::int64_t width) {
  return {.normed = arena.Take<A>(tokens * width),
          .out = arena.Take<A>(tokens * width),
          .inverse_rms = arena.Take<float>(tokens)};
}

template <typename A>
void LayOut(const PassSizes& z, const BlockOffsets& block, Arena& arena, BlockState<A>& state);
template <typename A>
void LayOut(const PassSizes& z, Arena& arena, Scratch<A>& scratch);

}  // namespace holdfast::trainer
