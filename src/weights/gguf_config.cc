#include "weights/gguf_config.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

#include "weights/limits.h"

namespace holdfast::weights {
namespace {

constexpr std::string_view kArchitecture = "deepseek2";
constexpr std::int64_t kCountMax = std::int64_t{1} << 31;
constexpr std::int64_t kGatingSoftmax = 1;
constexpr std::int64_t kGatingSigmoid = 2;

// The decimal number that a person would have written for this f32.
double ShortestDecimal(double value) {
  return std::strtod(fmt::format("{}", static_cast<float>(value)).c_str(), nullptr);
}

// llama.cpp's converters store 0.1 * mscale_all_dim; nine digits undo the factor exactly.
double TenfoldDecimal(double value) {
  return std::strtod(fmt::format("{:.9g}", ShortestDecimal(value) * 10.0).c_str(), nullptr);
}

// Typed reads of "deepseek2.<key>".
class Reader {
 public:
  Reader(const GgufMetadata& metadata, std::string_view file_name)
      : metadata_(metadata), file_name_(file_name) {}

  const GgufValue* Find(std::string_view key) const {
    return FindValue(metadata_, fmt::format("{}.{}", kArchitecture, key));
  }
  bool Has(std::string_view key) const { return Find(key) != nullptr; }

  Result<std::int64_t> Int(std::string_view key, std::int64_t min = 0) const {
    const GgufValue* value = Find(key);
    if (value == nullptr) return Missing(key);
    const auto* number = std::get_if<std::int64_t>(&value->value);
    // Some writers give one value per layer; all must be the same.
    if (const auto* array = std::get_if<GgufArray>(&value->value)) {
      for (std::int64_t element : array->integers) {
        if (element != array->integers.front()) {
          return Fail(ErrorCode::kUnsupported, "{}: {}.{} differs between layers", file_name_,
                      kArchitecture, key);
        }
      }
      if (!array->integers.empty()) number = &array->integers.front();
    }
    if (number == nullptr || *number < min || *number > kCountMax) {
      return Fail(ErrorCode::kCorrupt, "{}: {}.{} is not an integer in {}..{}", file_name_,
                  kArchitecture, key, min, kCountMax);
    }
    return *number;
  }
  Result<std::int64_t> IntOr(std::string_view key, std::int64_t fallback) const {
    if (!Has(key)) return fallback;
    return Int(key);
  }

  Result<double> Float(std::string_view key) const {
    const GgufValue* value = Find(key);
    if (value == nullptr) return Missing(key);
    const auto* number = std::get_if<double>(&value->value);
    if (number == nullptr || !std::isfinite(*number)) {
      return Fail(ErrorCode::kCorrupt, "{}: {}.{} is not a finite number", file_name_,
                  kArchitecture, key);
    }
    return ShortestDecimal(*number);
  }
  Result<double> FloatOr(std::string_view key, double fallback) const {
    if (!Has(key)) return fallback;
    return Float(key);
  }

  Result<bool> BoolOr(std::string_view key, bool fallback) const {
    const GgufValue* value = Find(key);
    if (value == nullptr) return fallback;
    const auto* flag = std::get_if<bool>(&value->value);
    if (flag == nullptr) {
      return Fail(ErrorCode::kCorrupt, "{}: {}.{} is not a bool", file_name_, kArchitecture, key);
    }
    return *flag;
  }

 private:
  std::unexpected<Error> Missing(std::string_view key) const {
    return Fail(ErrorCode::kCorrupt, "{}: metadata '{}.{}' is missing", file_name_, kArchitecture,
                key);
  }

  const GgufMetadata& metadata_;
  std::string_view file_name_;
};

std::string StringAt(const GgufMetadata& metadata, std::string_view key) {
  const GgufValue* value = FindValue(metadata, key);
  if (value == nullptr) return {};
  const auto* text = std::get_if<std::string>(&value->value);
  return text == nullptr ? std::string() : *text;
}

const NamedTensor* FindTensor(const GgufContents& contents, std::string_view name) {
  for (const NamedTensor& tensor : contents.tensors) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

Result<void> AddAttention(const Reader& reader, std::string_view file_name, json::Object& config) {
  TRY_ASSIGN(const std::int64_t heads, reader.Int("attention.head_count", 1));
  TRY_ASSIGN(const std::int64_t rope, reader.Int("rope.dimension_count", 1));
  TRY_ASSIGN(const std::int64_t latent, reader.Int("attention.kv_lora_rank", 1));
  // Files with split kv_b give the absorbed widths as key_length and the heads' own as *_mla.
  TRY_ASSIGN(const std::int64_t key,
             reader.Int(reader.Has("attention.key_length_mla") ? "attention.key_length_mla"
                                                               : "attention.key_length"));
  TRY_ASSIGN(const std::int64_t value,
             reader.Int(reader.Has("attention.value_length_mla") ? "attention.value_length_mla"
                                                                 : "attention.value_length"));
  if (key <= rope) {
    return Fail(ErrorCode::kCorrupt, "{}: key length {} is not over rope.dimension_count {}",
                file_name, key, rope);
  }
  config["num_attention_heads"] = heads;
  config["num_key_value_heads"] = heads;
  config["kv_lora_rank"] = latent;
  TRY_ASSIGN(const std::int64_t q_lora_rank, reader.IntOr("attention.q_lora_rank", 0));
  if (q_lora_rank > 0) {
    config["q_lora_rank"] = q_lora_rank;
  } else {
    config["q_lora_rank"] = nullptr;
  }
  config["qk_nope_head_dim"] = key - rope;
  config["qk_rope_head_dim"] = rope;
  config["v_head_dim"] = value;
  return {};
}

Result<void> AddExperts(const Reader& reader, const GgufContents& contents,
                        std::string_view file_name, json::Object& config) {
  TRY_ASSIGN(const std::int64_t experts, reader.IntOr("expert_count", 0));
  bool has_router_bias = false;
  for (const NamedTensor& tensor : contents.tensors) {
    has_router_bias |= tensor.name.find(".exp_probs_b") != std::string::npos;
  }
  // Files of DeepSeek-V2 from before the key existed are softmax.
  TRY_ASSIGN(const std::int64_t gating,
             reader.IntOr("expert_gating_func", has_router_bias ? kGatingSigmoid : kGatingSoftmax));
  if (gating != kGatingSoftmax && gating != kGatingSigmoid) {
    return Fail(ErrorCode::kUnsupported,
                "{}: expert_gating_func {} is neither {} (softmax) nor {} "
                "(sigmoid)",
                file_name, gating, kGatingSoftmax, kGatingSigmoid);
  }
  const bool is_v3 = gating == kGatingSigmoid || has_router_bias;
  config["model_type"] = is_v3 ? "deepseek_v3" : "deepseek_v2";
  config["architectures"] = json::Array{is_v3 ? "DeepseekV3ForCausalLM" : "DeepseekV2ForCausalLM"};
  if (experts == 0) return {};

  TRY_ASSIGN(const std::int64_t group_count, reader.IntOr("expert_group_count", 1));
  TRY_ASSIGN(const std::int64_t group_used, reader.IntOr("expert_group_used_count", 1));
  TRY_ASSIGN(const std::int64_t dense_count, reader.IntOr("leading_dense_block_count", 0));
  TRY_ASSIGN(const std::int64_t shared, reader.IntOr("expert_shared_count", 0));
  TRY_ASSIGN(const std::int64_t used, reader.Int("expert_used_count", 1));
  TRY_ASSIGN(const std::int64_t width, reader.Int("expert_feed_forward_length", 1));
  TRY_ASSIGN(const double scale, reader.FloatOr("expert_weights_scale", 1.0));
  TRY_ASSIGN(const bool is_normed, reader.BoolOr("expert_weights_norm", false));
  config["first_k_dense_replace"] = dense_count;
  config["moe_layer_freq"] = 1;
  config["n_routed_experts"] = experts;
  config["n_shared_experts"] = shared;
  config["num_experts_per_tok"] = used;
  config["moe_intermediate_size"] = width;
  config["routed_scaling_factor"] = scale == 0.0 ? 1.0 : scale;  // 0 is llama.cpp's "no scale".
  config["norm_topk_prob"] = is_normed;
  config["scoring_func"] = gating == kGatingSigmoid ? "sigmoid" : "softmax";
  config["n_group"] = std::max<std::int64_t>(group_count, 1);
  config["topk_group"] = std::max<std::int64_t>(group_used, 1);
  config["topk_method"] = has_router_bias   ? "noaux_tc"
                          : group_count > 1 ? "group_limited_greedy"
                                            : "greedy";
  return {};
}

Result<void> AddRope(const Reader& reader, const GgufMetadata& metadata, std::string_view file_name,
                     json::Object& config) {
  TRY_ASSIGN(const double theta, reader.FloatOr("rope.freq_base", 10000.0));
  config["rope_theta"] = theta;
  config["rope_scaling"] = nullptr;
  const std::string type = StringAt(metadata, "deepseek2.rope.scaling.type");
  if (type.empty() || type == "none") return {};
  if (type != "yarn") {
    return Fail(ErrorCode::kUnsupported, "{}: rope scaling '{}' is not yarn", file_name, type);
  }
  json::Object yarn;
  TRY_ASSIGN(const double factor, reader.Float("rope.scaling.factor"));
  TRY_ASSIGN(const std::int64_t original, reader.Int("rope.scaling.original_context_length", 1));
  TRY_ASSIGN(const double beta_fast, reader.FloatOr("rope.scaling.yarn_beta_fast", 32.0));
  TRY_ASSIGN(const double beta_slow, reader.FloatOr("rope.scaling.yarn_beta_slow", 1.0));
  yarn["type"] = "yarn";
  yarn["factor"] = factor;
  yarn["original_max_position_embeddings"] = original;
  yarn["beta_fast"] = beta_fast;
  yarn["beta_slow"] = beta_slow;
  double mscale = 1.0;
  double mscale_all_dim = 0.0;
  if (reader.Has("rope.scaling.yarn_log_multiplier")) {
    TRY_ASSIGN(const double multiplier, reader.Float("rope.scaling.yarn_log_multiplier"));
    mscale_all_dim = TenfoldDecimal(multiplier);
    // The format has one number; published models give both the same value.
    if (mscale_all_dim != 0.0) mscale = mscale_all_dim;
  }
  if (const GgufValue* own = FindValue(metadata, kMscaleKey)) {
    if (const auto* number = std::get_if<double>(&own->value)) mscale = ShortestDecimal(*number);
  }
  yarn["mscale"] = mscale;
  yarn["mscale_all_dim"] = mscale_all_dim;
  config["rope_scaling"] = std::move(yarn);
  return {};
}

std::vector<std::int64_t> EndIds(const GgufMetadata& metadata) {
  std::vector<std::int64_t> ids;
  const auto add = [&ids](std::int64_t id) {
    if (id < 0 || id >= kCountMax || ids.size() == kEndIdsKeptMax) return;
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  };
  for (std::string_view key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                               "tokenizer.ggml.eom_token_id"}) {
    const GgufValue* value = FindValue(metadata, key);
    const auto* id = value == nullptr ? nullptr : std::get_if<std::int64_t>(&value->value);
    if (id != nullptr) add(*id);
  }
  const GgufValue* own = FindValue(metadata, kEndIdsKey);
  const auto* array = own == nullptr ? nullptr : std::get_if<GgufArray>(&own->value);
  if (array != nullptr) {
    for (const std::int64_t id : array->integers) add(id);
  }
  return ids;
}

std::int64_t BeginId(const GgufMetadata& metadata) {
  const GgufValue* value = FindValue(metadata, "tokenizer.ggml.bos_token_id");
  const auto* id = value == nullptr ? nullptr : std::get_if<std::int64_t>(&value->value);
  return id == nullptr || *id < 0 || *id >= kCountMax ? -1 : *id;
}

Result<const GgufArray*> ArrayAt(const GgufMetadata& metadata, std::string_view key,
                                 GgufType element, std::string_view file_name) {
  const GgufValue* value = FindValue(metadata, key);
  const auto* array = value == nullptr ? nullptr : std::get_if<GgufArray>(&value->value);
  if (array == nullptr || array->element != element) {
    return Fail(ErrorCode::kCorrupt, "{}: metadata '{}' is missing or of another type", file_name,
                key);
  }
  return array;
}

}  // namespace

Result<json::Object> ConfigFromGguf(const GgufContents& contents, std::string_view file_name) {
  const GgufMetadata& metadata = contents.metadata;
  const std::string architecture = StringAt(metadata, "general.architecture");
  if (architecture != kArchitecture) {
    return Fail(ErrorCode::kUnsupported, "{}: architecture '{}' is not {}", file_name, architecture,
                kArchitecture);
  }
  const Reader reader(metadata, file_name);
  TRY_ASSIGN(const std::int64_t blocks, reader.Int("block_count", 1));
  TRY_ASSIGN(const std::int64_t nextn, reader.IntOr("nextn_predict_layers", 0));
  if (blocks > kLayerCountMax) {
    return Fail(ErrorCode::kTooLarge, "{}: block_count {} is over the limit of {}", file_name,
                blocks, kLayerCountMax);
  }
  if (nextn >= blocks) {
    return Fail(ErrorCode::kCorrupt, "{}: nextn_predict_layers {} is not under block_count {}",
                file_name, nextn, blocks);
  }
  json::Object config;
  TRY(AddExperts(reader, contents, file_name, config));
  TRY_ASSIGN(const std::int64_t hidden, reader.Int("embedding_length", 1));
  TRY_ASSIGN(const std::int64_t ffn, reader.Int("feed_forward_length", 1));
  TRY_ASSIGN(const std::int64_t context, reader.Int("context_length", 1));
  TRY_ASSIGN(const double eps, reader.Float("attention.layer_norm_rms_epsilon"));
  const NamedTensor* embedding = FindTensor(contents, "token_embd.weight");
  TRY_ASSIGN(const std::int64_t vocab,
             reader.IntOr("vocab_size", embedding == nullptr ? 0 : embedding->view.Rows()));
  config["vocab_size"] = vocab;
  config["hidden_size"] = hidden;
  config["intermediate_size"] = ffn;
  config["num_hidden_layers"] = blocks - nextn;
  config["num_nextn_predict_layers"] = nextn;
  config["max_position_embeddings"] = context;
  config["rms_norm_eps"] = eps;
  config["hidden_act"] = "silu";
  config["attention_bias"] = false;
  config["tie_word_embeddings"] = FindTensor(contents, "output.weight") == nullptr;
  TRY(AddAttention(reader, file_name, config));
  TRY(AddRope(reader, metadata, file_name, config));
  const std::int64_t bos = BeginId(metadata);
  if (bos >= 0) config["bos_token_id"] = bos;
  const std::vector<std::int64_t> ends = EndIds(metadata);
  if (!ends.empty()) config["eos_token_id"] = ends.front();
  return config;
}

Result<TokenizerSource> TokenizerFromGguf(const GgufMetadata& metadata,
                                          std::string_view file_name) {
  TokenizerSource source;
  source.bos_token_id = BeginId(metadata);
  source.eos_token_ids = EndIds(metadata);
  if (!source.eos_token_ids.empty()) source.eos_token_id = source.eos_token_ids.front();
  source.chat_template = StringAt(metadata, "tokenizer.chat_template");
  const std::string model = StringAt(metadata, "tokenizer.ggml.model");
  if (model.empty() || model == "none" || model == "no_vocab") return source;
  if (model != "gpt2") {
    return Fail(ErrorCode::kUnsupported, "{}: tokenizer '{}' is not byte-level BPE (gpt2)",
                file_name, model);
  }
  source.pre = StringAt(metadata, "tokenizer.ggml.pre");
  if (const GgufValue* flag = FindValue(metadata, "tokenizer.ggml.add_bos_token")) {
    if (const auto* value = std::get_if<bool>(&flag->value)) source.add_bos_token = *value;
  }
  TRY_ASSIGN(const GgufArray* tokens,
             ArrayAt(metadata, "tokenizer.ggml.tokens", GgufType::kString, file_name));
  TRY_ASSIGN(const GgufArray* merges,
             ArrayAt(metadata, "tokenizer.ggml.merges", GgufType::kString, file_name));
  source.tokens = tokens->strings;
  source.merges = merges->strings;
  if (FindValue(metadata, "tokenizer.ggml.token_type") != nullptr) {
    TRY_ASSIGN(const GgufArray* types,
               ArrayAt(metadata, "tokenizer.ggml.token_type", GgufType::kI32, file_name));
    if (types->integers.size() != source.tokens.size()) {
      return Fail(ErrorCode::kCorrupt, "{}: {} token types for {} tokens", file_name,
                  types->integers.size(), source.tokens.size());
    }
    for (std::int64_t type : types->integers) {
      source.token_types.push_back(static_cast<std::int32_t>(type));
    }
  }
  return source;
}

}  // namespace holdfast::weights
