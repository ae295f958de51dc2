#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "weights/gguf_config.h"
#include "weights/limits.h"

namespace holdfast::weights {
namespace {

constexpr std::int64_t kU32Max = 0xFFFFFFFF;
constexpr std::uint32_t kQuantizationVersion = 2;

// Collects "deepseek2.<key>" values out of a config.json object.
class Builder {
 public:
  explicit Builder(const json::Object& config) : config_(config) {}

  void Add(std::string key, GgufValue value) {
    metadata_.emplace_back(std::move(key), std::move(value));
  }
  void AddInt(std::string_view key, std::int64_t value) {
    Add(fmt::format("deepseek2.{}", key), GgufValue::U32(static_cast<std::uint32_t>(value)));
  }
  void AddFloat(std::string_view key, double value) {
    Add(fmt::format("deepseek2.{}", key), GgufValue::F32(static_cast<float>(value)));
  }
  Result<std::int64_t> Int(std::string_view name) const {
    return json::RequireInt(config_, name, 0, kU32Max);
  }
  // 0 where the configuration says null: the model does without.
  Result<std::int64_t> IntOrNull(std::string_view name) const {
    TRY(Has(name));
    return json::IntOr(config_, name, 0, 0, kU32Max);
  }
  Result<double> Number(std::string_view name) const {
    TRY(Has(name));
    return json::NumberOr(config_, name, 0.0);
  }
  Result<bool> Bool(std::string_view name) const {
    TRY(Has(name));
    return json::BoolOr(config_, name, false);
  }
  // Copies an integer that the configuration must have.
  Result<void> Copy(std::string_view name, std::string_view key) {
    TRY_ASSIGN(const std::int64_t value, Int(name));
    AddInt(key, value);
    return {};
  }

  const json::Object& config() const { return config_; }
  GgufMetadata Take() { return std::move(metadata_); }

 private:
  // Nothing is assumed of what a configuration leaves out: its reader alone knows the defaults.
  Result<void> Has(std::string_view name) const {
    if (json::Find(config_, name) != nullptr) return {};
    return Fail(ErrorCode::kInvalidArgument, "'{}' is missing", name);
  }

  const json::Object& config_;
  GgufMetadata metadata_;
};

Result<void> AddShape(Builder& builder) {
  TRY_ASSIGN(const std::int64_t layers, builder.Int("num_hidden_layers"));
  TRY_ASSIGN(const std::int64_t modules, builder.Int("num_nextn_predict_layers"));
  if (layers < 1 || layers + modules > kLayerCountMax) {
    return Fail(ErrorCode::kInvalidArgument, "'num_hidden_layers' is outside 1..{}",
                kLayerCountMax);
  }
  TRY(builder.Copy("vocab_size", "vocab_size"));
  builder.AddInt("block_count", layers + modules);
  if (modules > 0) builder.AddInt("nextn_predict_layers", modules);
  TRY(builder.Copy("max_position_embeddings", "context_length"));
  TRY(builder.Copy("hidden_size", "embedding_length"));
  TRY(builder.Copy("intermediate_size", "feed_forward_length"));
  TRY_ASSIGN(const double eps, builder.Number("rms_norm_eps"));
  builder.AddFloat("attention.layer_norm_rms_epsilon", eps);
  return {};
}

Result<void> AddAttention(Builder& builder, bool has_split_kv_b) {
  TRY_ASSIGN(const std::int64_t heads, builder.Int("num_attention_heads"));
  TRY_ASSIGN(const std::int64_t nope, builder.Int("qk_nope_head_dim"));
  TRY_ASSIGN(const std::int64_t rope, builder.Int("qk_rope_head_dim"));
  TRY_ASSIGN(const std::int64_t value, builder.Int("v_head_dim"));
  TRY_ASSIGN(const std::int64_t latent, builder.Int("kv_lora_rank"));
  TRY_ASSIGN(const std::int64_t q_lora_rank, builder.IntOrNull("q_lora_rank"));
  builder.AddInt("attention.head_count", heads);
  // One shared latent "head" where the up-projections are kept apart.
  builder.AddInt("attention.head_count_kv", has_split_kv_b ? 1 : heads);
  // llama.cpp asks for the key, 0 included, of all but a few numbers of layers.
  builder.AddInt("attention.q_lora_rank", q_lora_rank);
  builder.AddInt("attention.kv_lora_rank", latent);
  builder.AddInt("attention.key_length", has_split_kv_b ? latent + rope : nope + rope);
  builder.AddInt("attention.value_length", has_split_kv_b ? latent : value);
  if (has_split_kv_b) {
    builder.AddInt("attention.key_length_mla", nope + rope);
    builder.AddInt("attention.value_length_mla", value);
  }
  builder.AddInt("rope.dimension_count", rope);
  return {};
}

// llama.cpp wants these of models without experts too.
Result<void> AddDense(Builder& builder) {
  TRY(builder.Copy("num_hidden_layers", "leading_dense_block_count"));
  TRY_ASSIGN(const std::string model_type, json::RequireString(builder.config(), "model_type"));
  builder.AddInt("expert_gating_func", model_type == "deepseek_v2" ? 1 : 2);
  builder.AddInt("expert_shared_count", 0);
  return builder.Copy("intermediate_size", "expert_feed_forward_length");
}

Result<void> AddExperts(Builder& builder) {
  TRY_ASSIGN(const std::int64_t experts, builder.IntOrNull("n_routed_experts"));
  if (experts == 0) return AddDense(builder);
  TRY(builder.Copy("first_k_dense_replace", "leading_dense_block_count"));
  TRY_ASSIGN(const std::string scoring, json::RequireString(builder.config(), "scoring_func"));
  if (scoring != "softmax" && scoring != "sigmoid") {
    return Fail(ErrorCode::kUnsupported, "'scoring_func' is '{}', not softmax or sigmoid", scoring);
  }
  builder.AddInt("expert_gating_func", scoring == "sigmoid" ? 2 : 1);
  TRY(builder.Copy("n_shared_experts", "expert_shared_count"));
  TRY_ASSIGN(const std::int64_t frequency, builder.Int("moe_layer_freq"));
  if (frequency != 1) {
    return Fail(ErrorCode::kUnsupported, "'moe_layer_freq' {} has no form in GGUF", frequency);
  }
  builder.AddInt("expert_count", experts);
  TRY(builder.Copy("num_experts_per_tok", "expert_used_count"));
  TRY(builder.Copy("moe_intermediate_size", "expert_feed_forward_length"));
  TRY_ASSIGN(const double scale, builder.Number("routed_scaling_factor"));
  builder.AddFloat("expert_weights_scale", scale);
  TRY_ASSIGN(const bool is_normed, builder.Bool("norm_topk_prob"));
  builder.Add("deepseek2.expert_weights_norm", GgufValue::Bool(is_normed));
  TRY_ASSIGN(const std::int64_t groups, builder.Int("n_group"));
  TRY_ASSIGN(const std::int64_t groups_used, builder.Int("topk_group"));
  TRY_ASSIGN(const std::string method, json::RequireString(builder.config(), "topk_method"));
  if (groups > 1 && method != "greedy") {
    builder.AddInt("expert_group_count", groups);
    builder.AddInt("expert_group_used_count", groups_used);
  }
  return {};
}

Result<void> AddRope(Builder& builder) {
  TRY_ASSIGN(const double theta, builder.Number("rope_theta"));
  builder.AddFloat("rope.freq_base", theta);
  const json::Value* scaling = json::Find(builder.config(), "rope_scaling");
  if (scaling == nullptr || !(scaling->is_null() || scaling->is_object())) {
    return Fail(ErrorCode::kInvalidArgument, "'rope_scaling' is missing or not an object");
  }
  if (scaling->is_null()) return {};
  const Builder yarn(scaling->get_object());
  TRY_ASSIGN(const std::string type, json::RequireString(yarn.config(), "type"));
  if (type != "yarn") {
    return Fail(ErrorCode::kUnsupported, "'rope_scaling' is of type '{}', not yarn", type);
  }
  TRY_ASSIGN(const double factor, yarn.Number("factor"));
  TRY_ASSIGN(const std::int64_t original, yarn.Int("original_max_position_embeddings"));
  TRY_ASSIGN(const double beta_fast, yarn.Number("beta_fast"));
  TRY_ASSIGN(const double beta_slow, yarn.Number("beta_slow"));
  TRY_ASSIGN(const double mscale, yarn.Number("mscale"));
  TRY_ASSIGN(const double mscale_all_dim, yarn.Number("mscale_all_dim"));
  builder.Add("deepseek2.rope.scaling.type", GgufValue::String("yarn"));
  builder.AddFloat("rope.scaling.factor", factor);
  builder.AddInt("rope.scaling.original_context_length", original);
  builder.AddFloat("rope.scaling.yarn_beta_fast", beta_fast);
  builder.AddFloat("rope.scaling.yarn_beta_slow", beta_slow);
  if (mscale_all_dim != 0.0) {
    builder.AddFloat("rope.scaling.yarn_log_multiplier", 0.1 * mscale_all_dim);
  }
  if (mscale != (mscale_all_dim != 0.0 ? mscale_all_dim : 1.0)) {
    builder.Add(std::string(kMscaleKey), GgufValue::F32(static_cast<float>(mscale)));
  }
  return {};
}

// The format has keys for two end ids beside eos; llama.cpp reads those.
void AddOtherEnds(Builder& builder, const TokenizerSource& tokenizer) {
  std::vector<std::int64_t> others = tokenizer.eos_token_ids;
  std::erase(others, tokenizer.eos_token_id);
  constexpr std::array<std::string_view, 2> kKeys{"tokenizer.ggml.eot_token_id",
                                                  "tokenizer.ggml.eom_token_id"};
  for (std::size_t i = 0; i < std::min(kKeys.size(), others.size()); ++i) {
    builder.Add(std::string(kKeys[i]), GgufValue::U32(static_cast<std::uint32_t>(others[i])));
  }
  if (others.size() <= kKeys.size()) return;
  builder.Add(std::string(kEndIdsKey), GgufValue::Int32s({others.begin(), others.end()}));
}

void AddTokenizer(Builder& builder, const TokenizerSource& tokenizer) {
  const auto add_id = [&builder](std::string_view key, std::int64_t id) {
    if (id < 0) return;
    builder.Add(fmt::format("tokenizer.ggml.{}", key),
                GgufValue::U32(static_cast<std::uint32_t>(id)));
  };
  // These ids belong to the configuration too, so they stay without a tokenizer.
  add_id("bos_token_id", tokenizer.bos_token_id);
  add_id("eos_token_id", tokenizer.eos_token_id);
  AddOtherEnds(builder, tokenizer);
  if (tokenizer.tokens.empty()) return;
  builder.Add("tokenizer.ggml.model", GgufValue::String("gpt2"));
  builder.Add("tokenizer.ggml.pre", GgufValue::String(tokenizer.pre));
  builder.Add("tokenizer.ggml.tokens", GgufValue::Strings(tokenizer.tokens));
  builder.Add("tokenizer.ggml.token_type",
              GgufValue::Int32s({tokenizer.token_types.begin(), tokenizer.token_types.end()}));
  builder.Add("tokenizer.ggml.merges", GgufValue::Strings(tokenizer.merges));
  add_id("padding_token_id", tokenizer.eos_token_id);
  builder.Add("tokenizer.ggml.add_bos_token", GgufValue::Bool(tokenizer.add_bos_token));
  builder.Add("tokenizer.ggml.add_eos_token", GgufValue::Bool(false));
  if (!tokenizer.chat_template.empty()) {
    builder.Add("tokenizer.chat_template", GgufValue::String(tokenizer.chat_template));
  }
}

}  // namespace

Result<GgufMetadata> MakeGgufMetadata(const json::Object& config, const TokenizerSource& tokenizer,
                                      const GgufMetadataOptions& options) {
  Builder builder(config);
  builder.Add("general.architecture", GgufValue::String("deepseek2"));
  if (!options.model_name.empty()) {
    builder.Add("general.name", GgufValue::String(std::string(options.model_name)));
  }
  builder.Add("general.file_type", GgufValue::U32(options.file_type));
  builder.Add("general.quantization_version", GgufValue::U32(kQuantizationVersion));
  TRY(AddShape(builder));
  TRY(AddAttention(builder, options.has_split_kv_b));
  TRY(AddExperts(builder));
  TRY(AddRope(builder));
  AddTokenizer(builder, tokenizer);
  return builder.Take();
}

}  // namespace holdfast::weights
