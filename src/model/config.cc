#include "model/config.h"

#include <span>
#include <string>
#include <string_view>

namespace holdfast::model {
namespace {

// Limits of a field, well above every published model and low enough that products of a few of them
// fit 64 bits.
constexpr std::int64_t kVocabSizeMax = 4'000'000;
constexpr std::int64_t kHiddenSizeMax = 65'536;
constexpr std::int64_t kIntermediateSizeMax = 1'048'576;
constexpr std::int64_t kLayerCountMax = 1'024;
constexpr std::int64_t kHeadCountMax = 1'024;
constexpr std::int64_t kExpertCountMax = 4'096;
constexpr std::int64_t kSharedExpertCountMax = 64;
constexpr std::int64_t kLatentRankMax = 65'536;
constexpr std::int64_t kHeadDimMax = 4'096;
constexpr std::int64_t kPositionsMax = 16'777'216;
constexpr std::int64_t kMtpModuleCountMax = 8;

// A whole number of the configuration within [min, max]. Where it may be absent, the default of
// ModelConfig stands in.
struct IntField {
  std::string_view key;
  std::int64_t ModelConfig::*member;
  std::int64_t min;
  std::int64_t max;
  bool is_required = false;
};

constexpr IntField kModelFields[] = {
    {"vocab_size", &ModelConfig::vocab_size, 1, kVocabSizeMax, true},
    {"hidden_size", &ModelConfig::hidden_size, 1, kHiddenSizeMax, true},
    {"intermediate_size", &ModelConfig::intermediate_size, 1, kIntermediateSizeMax, true},
    {"num_hidden_layers", &ModelConfig::num_hidden_layers, 1, kLayerCountMax, true},
    {"num_attention_heads", &ModelConfig::num_attention_heads, 1, kHeadCountMax, true},
    {"q_lora_rank", &ModelConfig::q_lora_rank, 0, kLatentRankMax},
    {"kv_lora_rank", &ModelConfig::kv_lora_rank, 1, kLatentRankMax, true},
    {"qk_nope_head_dim", &ModelConfig::qk_nope_head_dim, 1, kHeadDimMax, true},
    {"qk_rope_head_dim", &ModelConfig::qk_rope_head_dim, 2, kHeadDimMax, true},
    {"v_head_dim", &ModelConfig::v_head_dim, 1, kHeadDimMax, true},
    {"n_routed_experts", &ModelConfig::n_routed_experts, 0, kExpertCountMax},
    {"max_position_embeddings", &ModelConfig::max_position_embeddings, 1, kPositionsMax},
    {"num_nextn_predict_layers", &ModelConfig::num_nextn_predict_layers, 0, kMtpModuleCountMax},
};
constexpr IntField kExpertFields[] = {
    {"moe_intermediate_size", &ModelConfig::moe_intermediate_size, 1, kIntermediateSizeMax, true},
    {"first_k_dense_replace", &ModelConfig::first_k_dense_replace, 0, kLayerCountMax},
    {"moe_layer_freq", &ModelConfig::moe_layer_freq, 1, kLayerCountMax},
    {"n_shared_experts", &ModelConfig::n_shared_experts, 0, kSharedExpertCountMax},
    {"num_experts_per_tok", &ModelConfig::num_experts_per_tok, 1, kExpertCountMax, true},
    {"n_group", &ModelConfig::n_group, 1, kExpertCountMax},
};

Result<void> ParseInts(const json::Object& object, std::span<const IntField> fields,
                       ModelConfig& config) {
  for (const auto& [key, member, min, max, is_required] : fields) {
    std::int64_t& value = config.*member;
    TRY_ASSIGN(value, is_required ? json::RequireInt(object, key, min, max)
                                  : json::IntOr(object, key, value, min, max));
  }
  return {};
}

void WriteInts(const ModelConfig& config, std::span<const IntField> fields, json::Object& object) {
  for (const IntField& field : fields) object[field.key] = config.*field.member;
}

template <typename Enum>
struct Choice {
  std::string_view name;
  Enum value;
};

constexpr Choice<ScoringFunc> kScoringFuncs[] = {
    {"softmax", ScoringFunc::kSoftmax},
    {"sigmoid", ScoringFunc::kSigmoid},
};
constexpr Choice<TopkMethod> kTopkMethods[] = {
    {"greedy", TopkMethod::kGreedy},
    {"group_limited_greedy", TopkMethod::kGroupLimitedGreedy},
    {"noaux_tc", TopkMethod::kNoauxTc},
};

template <typename Enum, std::size_t kCount>
std::string_view NameOf(Enum value, const Choice<Enum> (&choices)[kCount]) {
  for (const Choice<Enum>& choice : choices) {
    if (choice.value == value) return choice.name;
  }
  return "";
}

template <typename Enum, std::size_t kCount>
Result<Enum> ParseChoice(const json::Object& object, std::string_view key, Enum fallback,
                         const Choice<Enum> (&choices)[kCount]) {
  TRY_ASSIGN(const std::string name, json::StringOr(object, key, NameOf(fallback, choices)));
  std::string known;
  for (const Choice<Enum>& choice : choices) {
    if (choice.name == name) return choice.value;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", choice.name);
  }
  return Fail(ErrorCode::kUnsupported, "{} '{}': only {} are known", key, name, known);
}

Result<double> PositiveOr(const json::Object& object, std::string_view key, double fallback,
                          double max) {
  TRY_ASSIGN(const double value, json::NumberOr(object, key, fallback));
  if (!(value > 0 && value <= max)) {
    return Fail(ErrorCode::kInvalidArgument, "'{}' is {}, outside (0, {}]", key, value, max);
  }
  return value;
}

bool IsPresent(const json::Object& object, std::string_view key) {
  const json::Value* value = json::Find(object, key);
  return value != nullptr && !value->is_null();
}

Result<void> ParseYarn(const json::Object& scaling, ModelConfig& config) {
  TRY_ASSIGN(const std::string old_type, json::StringOr(scaling, "type", ""));
  TRY_ASSIGN(const std::string type, json::StringOr(scaling, "rope_type", old_type));
  if (type == "default") return {};
  if (type != "yarn") {
    return Fail(ErrorCode::kUnsupported, "rope_scaling type '{}': only 'yarn' is supported", type);
  }
  if (IsPresent(scaling, "attention_factor")) {
    return Fail(ErrorCode::kUnsupported, "rope_scaling with 'attention_factor' is not supported");
  }
  YarnConfig yarn;
  TRY_ASSIGN(yarn.factor, PositiveOr(scaling, "factor", yarn.factor, 1e6));
  TRY_ASSIGN(yarn.original_max_position_embeddings,
             json::IntOr(scaling, "original_max_position_embeddings",
                         yarn.original_max_position_embeddings, 1, kPositionsMax));
  TRY_ASSIGN(yarn.beta_fast, PositiveOr(scaling, "beta_fast", yarn.beta_fast, 1e6));
  TRY_ASSIGN(yarn.beta_slow, PositiveOr(scaling, "beta_slow", yarn.beta_slow, 1e6));
  TRY_ASSIGN(yarn.mscale, json::NumberOr(scaling, "mscale", yarn.mscale));
  TRY_ASSIGN(yarn.mscale_all_dim, json::NumberOr(scaling, "mscale_all_dim", yarn.mscale_all_dim));
  for (const double scale : {yarn.mscale, yarn.mscale_all_dim}) {
    if (!(scale >= 0 && scale <= 100)) {
      return Fail(ErrorCode::kInvalidArgument, "rope_scaling mscale {} is outside 0..100", scale);
    }
  }
  config.rope_scaling = yarn;
  return {};
}

// Both spellings of the rotary settings: rope_theta with rope_scaling, and the newer
// rope_parameters that holds the two.
Result<void> ParseRope(const json::Object& object, ModelConfig& config) {
  TRY_ASSIGN(config.rope_theta, PositiveOr(object, "rope_theta", config.rope_theta, 1e12));
  for (const std::string_view key : {"rope_scaling", "rope_parameters"}) {
    if (!IsPresent(object, key)) continue;
    const json::Value& value = *json::Find(object, key);
    if (!value.is_object()) {
      return Fail(ErrorCode::kInvalidArgument, "'{}' must be an object or null", key);
    }
    const json::Object& scaling = value.get_object();
    TRY_ASSIGN(config.rope_theta, PositiveOr(scaling, "rope_theta", config.rope_theta, 1e12));
    TRY(ParseYarn(scaling, config));
  }
  TRY_ASSIGN(const bool is_interleaved, json::BoolOr(object, "rope_interleave", true));
  if (!is_interleaved) {
    return Fail(ErrorCode::kUnsupported,
                "rope_interleave false: only weights with interleaved rotary pairs are supported");
  }
  return {};
}

Result<void> ParseExperts(const json::Object& object, ModelConfig& config) {
  if (config.n_routed_experts == 0) {
    config.first_k_dense_replace = config.num_hidden_layers;
    return {};
  }
  TRY(ParseInts(object, kExpertFields, config));
  TRY_ASSIGN(config.topk_group,
             json::IntOr(object, "topk_group", config.n_group, 1, config.n_group));
  const bool is_v2 = config.model_type == "deepseek_v2";
  TRY_ASSIGN(config.scoring_func,
             ParseChoice(object, "scoring_func",
                         is_v2 ? ScoringFunc::kSoftmax : ScoringFunc::kSigmoid, kScoringFuncs));
  TRY_ASSIGN(config.topk_method,
             ParseChoice(object, "topk_method", is_v2 ? TopkMethod::kGreedy : TopkMethod::kNoauxTc,
                         kTopkMethods));
  TRY_ASSIGN(config.norm_topk_prob, json::BoolOr(object, "norm_topk_prob", !is_v2));
  TRY_ASSIGN(config.routed_scaling_factor, PositiveOr(object, "routed_scaling_factor", 1.0, 1e6));

  if (config.num_experts_per_tok > config.n_routed_experts) {
    return Fail(ErrorCode::kInvalidArgument, "num_experts_per_tok {} is over n_routed_experts {}",
                config.num_experts_per_tok, config.n_routed_experts);
  }
  if (config.n_routed_experts % config.n_group != 0) {
    return Fail(ErrorCode::kInvalidArgument, "n_routed_experts {} is not a multiple of n_group {}",
                config.n_routed_experts, config.n_group);
  }
  if (config.topk_method == TopkMethod::kGreedy) return {};
  const std::int64_t selectable = config.n_routed_experts / config.n_group * config.topk_group;
  if (config.num_experts_per_tok > selectable) {
    return Fail(ErrorCode::kInvalidArgument,
                "num_experts_per_tok {} is over the {} experts of topk_group {} groups",
                config.num_experts_per_tok, selectable, config.topk_group);
  }
  return {};
}

Result<void> ParseAttention(const json::Object& object, ModelConfig& config) {
  if (config.qk_rope_head_dim % 2 != 0) {
    return Fail(ErrorCode::kInvalidArgument, "qk_rope_head_dim {} is odd", config.qk_rope_head_dim);
  }
  TRY_ASSIGN(const bool has_bias, json::BoolOr(object, "attention_bias", false));
  if (has_bias) return Fail(ErrorCode::kUnsupported, "attention_bias true is not supported");
  return {};
}

// Token ids may be a number or a list; of a list the first counts.
Result<std::int64_t> ParseTokenId(const json::Object& object, std::string_view key,
                                  std::int64_t vocab_size) {
  const json::Value* value = json::Find(object, key);
  if (value != nullptr && value->is_array()) {
    const json::Array& list = value->get_array();
    if (list.empty()) return -1;
    json::Object first;
    first[key] = list.front();
    return json::RequireInt(first, key, -1, vocab_size - 1);
  }
  return json::IntOr(object, key, -1, -1, vocab_size - 1);
}

Result<ModelConfig> ParseFields(const json::Object& object) {
  ModelConfig config;
  TRY_ASSIGN(config.model_type, json::StringOr(object, "model_type", ""));
  if (config.model_type != "deepseek_v2" && config.model_type != "deepseek_v3" &&
      config.model_type != "kimi_k2") {
    return Fail(ErrorCode::kUnsupported,
                "model_type '{}': only deepseek_v2, deepseek_v3 and kimi_k2 are supported",
                config.model_type);
  }
  TRY(ParseInts(object, kModelFields, config));
  TRY(ParseExperts(object, config));
  TRY(ParseAttention(object, config));
  TRY(ParseRope(object, config));
  TRY_ASSIGN(config.rms_norm_eps, PositiveOr(object, "rms_norm_eps", config.rms_norm_eps, 1.0));
  TRY_ASSIGN(config.tie_word_embeddings, json::BoolOr(object, "tie_word_embeddings", false));
  TRY_ASSIGN(const std::string activation, json::StringOr(object, "hidden_act", "silu"));
  if (activation != "silu") {
    return Fail(ErrorCode::kUnsupported, "hidden_act '{}': only silu is supported", activation);
  }
  TRY_ASSIGN(config.bos_token_id, ParseTokenId(object, "bos_token_id", config.vocab_size));
  TRY_ASSIGN(config.eos_token_id, ParseTokenId(object, "eos_token_id", config.vocab_size));
  return config;
}

}  // namespace

Result<ModelConfig> ParseModelConfig(const json::Object& config) {
  Result<ModelConfig> parsed = ParseFields(config);
  if (!parsed) {
    return Fail(parsed.error().code, "model configuration: {}", parsed.error().message);
  }
  return parsed;
}

json::Object WriteModelConfig(const ModelConfig& config) {
  json::Object object;
  object["architectures"] = json::Array{
      config.model_type == "deepseek_v2" ? "DeepseekV2ForCausalLM" : "DeepseekV3ForCausalLM"};
  object["model_type"] = config.model_type;
  WriteInts(config, kModelFields, object);
  object["num_key_value_heads"] = config.num_attention_heads;
  // Published files say null where a model does without.
  if (config.q_lora_rank == 0) object["q_lora_rank"] = nullptr;
  if (config.n_routed_experts == 0) {
    object["n_routed_experts"] = nullptr;
  } else {
    WriteInts(config, kExpertFields, object);
    object["topk_group"] = config.topk_group;
    object["scoring_func"] = NameOf(config.scoring_func, kScoringFuncs);
    object["topk_method"] = NameOf(config.topk_method, kTopkMethods);
    object["norm_topk_prob"] = config.norm_topk_prob;
    object["routed_scaling_factor"] = config.routed_scaling_factor;
  }
  object["rms_norm_eps"] = config.rms_norm_eps;
  object["rope_theta"] = config.rope_theta;
  object["rope_scaling"] = nullptr;
  if (config.rope_scaling) {
    object["rope_scaling"] = json::Object{
        {"type", "yarn"},
        {"factor", config.rope_scaling->factor},
        {"original_max_position_embeddings", config.rope_scaling->original_max_position_embeddings},
        {"beta_fast", config.rope_scaling->beta_fast},
        {"beta_slow", config.rope_scaling->beta_slow},
        {"mscale", config.rope_scaling->mscale},
        {"mscale_all_dim", config.rope_scaling->mscale_all_dim}};
  }
  object["tie_word_embeddings"] = config.tie_word_embeddings;
  object["hidden_act"] = "silu";
  object["attention_bias"] = false;
  if (config.bos_token_id >= 0) object["bos_token_id"] = config.bos_token_id;
  if (config.eos_token_id >= 0) object["eos_token_id"] = config.eos_token_id;
  return object;
}

}  // namespace holdfast::model
