#include "weights/inspect.h"

#include <algorithm>

#include <fmt/format.h>

#include "weights/tensor_names.h"

namespace holdfast::weights {
namespace {

std::int64_t ConfigInt(const json::Object& config, std::string_view key) {
  return json::IntOr(config, key, 0, 0, INT64_MAX).value_or(0);
}

// The layer of "model.layers.N..." or "blk.N..."; -1 for other names.
std::int64_t LayerOf(std::string_view name) {
  for (std::string_view prefix : {std::string_view("model.layers."), std::string_view("blk.")}) {
    if (!name.starts_with(prefix)) continue;
    std::int64_t layer = 0;
    for (char digit : name.substr(prefix.size())) {
      if (digit < '0' || digit > '9' || layer > 1'000'000) return layer;
      layer = layer * 10 + (digit - '0');
    }
  }
  return -1;
}

bool Contains(std::string_view name, std::string_view part) {
  return name.find(part) != std::string_view::npos;
}

// The part of a tensor that one decoded token reads, as numerator / denominator.
struct Share {
  std::int64_t numerator = 1;
  std::int64_t denominator = 1;

  std::uint64_t Of(std::uint64_t amount) const {
    return static_cast<std::uint64_t>(static_cast<unsigned __int128>(amount) *
                                      static_cast<std::uint64_t>(numerator) /
                                      static_cast<std::uint64_t>(denominator));
  }
};

Share ActiveShare(const Checkpoint& checkpoint, const NamedTensor& tensor) {
  const json::Object& config = checkpoint.config();
  const std::int64_t layers = ConfigInt(config, "num_hidden_layers");
  const std::int64_t experts = ConfigInt(config, "n_routed_experts");
  const std::int64_t layer = LayerOf(tensor.name);
  if (layers > 0 && layer >= layers) return {0, 1};
  const bool is_routed = Contains(tensor.name, "_exps.") || Contains(tensor.name, ".mlp.experts.");
  if (is_routed && experts > 0) return {ConfigInt(config, "num_experts_per_tok"), experts};
  if (tensor.name == "token_embd.weight" || tensor.name == "model.embed_tokens.weight") {
    const bool is_output = !checkpoint.Find("lm_head.weight") ||
                           checkpoint.Find("lm_head.weight")->data == tensor.view.data;
    if (!is_output) return {1, std::max<std::int64_t>(tensor.view.Rows(), 1)};
  }
  const bool is_fused =
      Contains(tensor.name, ".attn_kv_b.") || Contains(tensor.name, ".kv_b_proj.");
  if (is_fused &&
      checkpoint.Find(fmt::format("model.layers.{}.self_attn.k_b_proj.weight", layer))) {
    return {0, 1};
  }
  return {};
}

std::string Readable(double value) {
  if (value >= 1e9) return fmt::format("{:.2f} B", value / 1e9);
  if (value >= 1e6) return fmt::format("{:.2f} M", value / 1e6);
  return fmt::format("{:.0f}", value);
}

std::string ReadableBytes(double value) {
  if (value >= 1e9) return fmt::format("{:.2f} GB", value / 1e9);
  if (value >= 1e6) return fmt::format("{:.2f} MB", value / 1e6);
  return fmt::format("{:.0f} bytes", value);
}

std::string ConfigLines(const json::Object& config) {
  const auto number = [&config](std::string_view key) { return ConfigInt(config, key); };
  std::string text = fmt::format(
      "layers         {} ({} dense first), MTP modules {}\n"
      "hidden         {}, dense feed-forward {}\n"
      "attention      {} heads, query {} + {} rotary, value {}, latent rank {}, query rank {}\n",
      number("num_hidden_layers"), number("first_k_dense_replace"),
      number("num_nextn_predict_layers"), number("hidden_size"), number("intermediate_size"),
      number("num_attention_heads"), number("qk_nope_head_dim"), number("qk_rope_head_dim"),
      number("v_head_dim"), number("kv_lora_rank"), number("q_lora_rank"));
  if (number("n_routed_experts") > 0) {
    text += fmt::format(
        "experts        {} routed, {} used, {} shared, width {}, {} groups of which {} used, {}\n",
        number("n_routed_experts"), number("num_experts_per_tok"), number("n_shared_experts"),
        number("moe_intermediate_size"), number("n_group"), number("topk_group"),
        json::StringOr(config, "scoring_func", "?").value_or("?"));
  }
  return text + fmt::format("vocabulary     {}, context {}\n", number("vocab_size"),
                            number("max_position_embeddings"));
}

}  // namespace

ModelSummary Inspect(const Checkpoint& checkpoint) {
  ModelSummary summary;
  summary.format = checkpoint.format();
  summary.config = checkpoint.config();
  summary.model_type = json::StringOr(checkpoint.config(), "model_type", "?").value_or("?");
  summary.vocabulary_tokens = static_cast<std::int64_t>(checkpoint.tokenizer().tokens.size());
  const std::int64_t layers = ConfigInt(checkpoint.config(), "num_hidden_layers");
  for (const NamedTensor& tensor : checkpoint.tensors()) {
    const tensor::TensorView& view = tensor.view;
    const std::string dtype(tensor::DTypeName(view.dtype));
    // Scales belong to their matrix: bytes, not parameters.
    const bool is_scale = tensor.name.ends_with("_scale_inv");
    const std::int64_t parameters = is_scale ? 0 : view.shape.Count();
    TypeTotals& totals = summary.types[dtype];
    ++totals.tensors;
    totals.parameters += parameters;
    totals.bytes += view.Bytes();
    summary.parameters += parameters;
    summary.bytes += view.Bytes();
    if (layers > 0 && LayerOf(tensor.name) >= layers) summary.parameters_mtp += parameters;
    const Share share = ActiveShare(checkpoint, tensor);
    summary.parameters_active +=
        static_cast<std::int64_t>(share.Of(static_cast<std::uint64_t>(parameters)));
    summary.bytes_per_token += share.Of(view.Bytes());
    summary.tensors.push_back({tensor.name, dtype, view.shape.ToString(), view.Bytes()});
  }
  return summary;
}

std::string SummaryText(const ModelSummary& summary) {
  std::string text =
      fmt::format("format         {}\narchitecture   {}\n", summary.format, summary.model_type);
  text += ConfigLines(summary.config);
  text += fmt::format("parameters     {} in all, {} a token, {} in MTP modules\n",
                      Readable(static_cast<double>(summary.parameters)),
                      Readable(static_cast<double>(summary.parameters_active)),
                      Readable(static_cast<double>(summary.parameters_mtp)));
  text += fmt::format("bytes          {} in all, {} a decoded token\n",
                      ReadableBytes(static_cast<double>(summary.bytes)),
                      ReadableBytes(static_cast<double>(summary.bytes_per_token)));
  for (const auto& [dtype, totals] : summary.types) {
    text += fmt::format("  {:<8} {:>6} tensors, {:>10} parameters, {:>10}\n", dtype, totals.tensors,
                        Readable(static_cast<double>(totals.parameters)),
                        ReadableBytes(static_cast<double>(totals.bytes)));
  }
  text += fmt::format("tensors        {}\n", summary.tensors.size());
  for (const TensorSummary& tensor : summary.tensors) {
    text += fmt::format("  {:<8} {:<22} {:>12}  {}\n", tensor.dtype, tensor.shape, tensor.bytes,
                        tensor.name);
  }
  return text;
}

json::Object SummaryJson(const ModelSummary& summary) {
  json::Object types;
  for (const auto& [dtype, totals] : summary.types) {
    types[dtype] = {
        {"tensors", totals.tensors}, {"parameters", totals.parameters}, {"bytes", totals.bytes}};
  }
  json::Array tensors;
  for (const TensorSummary& tensor : summary.tensors) {
    tensors.push_back({{"name", tensor.name},
                       {"dtype", tensor.dtype},
                       {"shape", tensor.shape},
                       {"bytes", tensor.bytes}});
  }
  return {{"format", summary.format},
          {"model_type", summary.model_type},
          {"parameters", summary.parameters},
          {"parameters_active", summary.parameters_active},
          {"parameters_mtp", summary.parameters_mtp},
          {"bytes", summary.bytes},
          {"bytes_per_token", summary.bytes_per_token},
          {"types", std::move(types)},
          {"config", summary.config},
          {"tensors", std::move(tensors)}};
}

}  // namespace holdfast::weights
