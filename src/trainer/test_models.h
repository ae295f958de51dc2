// Small models and batches for the trainer's tests.
#pragma once

#include <cstdint>

#include "base/random.h"
#include "model/config.h"
#include "trainer/token_source.h"

namespace holdfast::trainer {

inline model::ModelConfig TinyConfig() {
  model::ModelConfig c;
  c.vocab_size = 97;
  c.hidden_size = 32;
  c.intermediate_size = 48;
  c.moe_intermediate_size = 16;
  c.num_hidden_layers = 2;
  c.first_k_dense_replace = 1;
  c.num_attention_heads = 2;
  c.n_routed_experts = 8;
  c.n_shared_experts = 1;
  c.num_experts_per_tok = 3;
  c.routed_scaling_factor = 1.7;
  c.kv_lora_rank = 16;
  c.qk_nope_head_dim = 8;
  c.qk_rope_head_dim = 4;
  c.v_head_dim = 8;
  c.max_position_embeddings = 64;
  return c;
}

// All of YaRN at once: pairs kept, stretched and in between; the scale of cos and sin and that of
// the scores both away from 1.
inline void UseYarn(model::ModelConfig& c) {
  c.qk_rope_head_dim = 8;
  c.rope_theta = 100;
  c.rope_scaling = model::YarnConfig{.factor = 4,
                                     .original_max_position_embeddings = 32,
                                     .beta_fast = 4,
                                     .beta_slow = 0.5,
                                     .mscale = 1,
                                     .mscale_all_dim = 0.5};
}

inline PackedBatch RandomBatch(std::int64_t rows, std::int64_t seq_len, std::int64_t vocabulary,
                               std::uint64_t seed) {
  Random random(seed);
  PackedBatch batch;
  batch.rows = rows;
  batch.seq_len = seq_len;
  for (std::int64_t i = 0; i < rows * (seq_len + 1); ++i) {
    batch.tokens.push_back(
        static_cast<std::int32_t>(random.Next() % static_cast<std::uint64_t>(vocabulary)));
  }
  batch.loss_mask.assign(static_cast<std::size_t>(rows * seq_len), 1);
  batch.segment.assign(static_cast<std::size_t>(rows * seq_len), 0);
  return batch;
}

}  // namespace holdfast::trainer
