// ModelConfig: the published hyper-parameters of a DeepSeek-V2/V3 architecture model, under their
// published names (config.json of the Hugging Face checkpoints). Value type.
// Sources: DeepSeek-V3 report (arXiv 2412.19437) sections 2.1, 2.2, 4.2; YaRN (arXiv 2309.00071).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "json/json.h"

namespace holdfast::model {

enum class ScoringFunc { kSoftmax, kSigmoid };
enum class TopkMethod {
  kGreedy,              // V2-Lite: plain top-k of the scores.
  kGroupLimitedGreedy,  // V2: groups ranked by their best score.
  kNoauxTc,             // V3: router bias for selection, groups ranked by their two best.
};

struct YarnConfig {
  double factor = 1.0;
  std::int64_t original_max_position_embeddings = 4096;
  double beta_fast = 32.0;
  double beta_slow = 1.0;
  double mscale = 1.0;
  double mscale_all_dim = 0.0;
};

struct ModelConfig {
  std::string model_type = "deepseek_v3";
  std::int64_t vocab_size = 0;
  std::int64_t hidden_size = 0;
  std::int64_t intermediate_size = 0;
  std::int64_t moe_intermediate_size = 0;
  std::int64_t num_hidden_layers = 0;
  std::int64_t first_k_dense_replace = 0;
  std::int64_t moe_layer_freq = 1;
  std::int64_t num_attention_heads = 0;
  std::int64_t n_routed_experts = 0;  // 0: every layer is dense.
  std::int64_t n_shared_experts = 0;
  std::int64_t num_experts_per_tok = 0;
  std::int64_t n_group = 1;
  std::int64_t topk_group = 1;
  ScoringFunc scoring_func = ScoringFunc::kSigmoid;
  TopkMethod topk_method = TopkMethod::kNoauxTc;
  bool norm_topk_prob = true;
  double routed_scaling_factor = 1.0;
  std::int64_t q_lora_rank = 0;  // 0: queries are not compressed.
  std::int64_t kv_lora_rank = 0;
  std::int64_t qk_nope_head_dim = 0;
  std::int64_t qk_rope_head_dim = 0;
  std::int64_t v_head_dim = 0;
  double rms_norm_eps = 1e-6;
  double rope_theta = 10000.0;
  std::optional<YarnConfig> rope_scaling;
  std::int64_t max_position_embeddings = 4096;
  std::int64_t num_nextn_predict_layers = 0;  // MTP modules.
  bool tie_word_embeddings = false;
  std::int64_t bos_token_id = -1;  // -1: none.
  std::int64_t eos_token_id = -1;

  std::int64_t QkHeadDim() const { return qk_nope_head_dim + qk_rope_head_dim; }
  // Numbers in one token's latent cache entry of one layer: the latent and the rotary key.
  std::int64_t LatentWidth() const { return kv_lora_rank + qk_rope_head_dim; }
  bool IsMoeLayer(std::int64_t layer) const {
    return n_routed_experts > 0 && layer >= first_k_dense_replace && layer % moe_layer_freq == 0;
  }
};

// From the object of a config.json. Every field is checked against a stated limit and against the
// others (for example experts divisible by groups). Errors: kInvalidArgument, kUnsupported.
[[nodiscard]] Result<ModelConfig> ParseModelConfig(const json::Object& config);

// The inverse, as written into checkpoints we make.
json::Object WriteModelConfig(const ModelConfig& config);

}  // namespace holdfast::model
