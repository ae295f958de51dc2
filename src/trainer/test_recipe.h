// The [model] table of a recipe whose model trains in milliseconds, for tests to put between the
// run's keys and its stages.
#pragma once

namespace holdfast::trainer {

inline constexpr char kTinyModelTable[] = R"(
[model]
vocab_size = 64
hidden_size = 32
intermediate_size = 32
moe_intermediate_size = 16
num_hidden_layers = 2
first_k_dense_replace = 1
n_routed_experts = 4
num_experts_per_tok = 2
n_shared_experts = 1
num_attention_heads = 2
kv_lora_rank = 16
qk_nope_head_dim = 8
qk_rope_head_dim = 4
v_head_dim = 8
max_position_embeddings = 64
)";

}  // namespace holdfast::trainer
