#include "weights/tensor_names.h"

#include <array>
#include <charconv>

#include <fmt/format.h>

namespace holdfast::weights {
namespace {

struct NamePair {
  std::string_view hf;
  std::string_view gguf;
};

constexpr std::array<NamePair, 3> kGlobal{{
    {"model.embed_tokens", "token_embd"},
    {"model.norm", "output_norm"},
    {"lm_head", "output"},
}};

constexpr std::array<NamePair, 26> kLayer{{
    {"input_layernorm", "attn_norm"},
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.q_a_proj", "attn_q_a"},
    {"self_attn.q_a_layernorm", "attn_q_a_norm"},
    {"self_attn.q_b_proj", "attn_q_b"},
    {"self_attn.kv_a_proj_with_mqa", "attn_kv_a_mqa"},
    {"self_attn.kv_a_layernorm", "attn_kv_a_norm"},
    {"self_attn.kv_b_proj", "attn_kv_b"},
    {"self_attn.k_b_proj", "attn_k_b"},
    {"self_attn.v_b_proj", "attn_v_b"},
    {"self_attn.o_proj", "attn_output"},
    {"post_attention_layernorm", "ffn_norm"},
    {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
    {"mlp.gate", "ffn_gate_inp"},
    {"mlp.shared_experts.gate_proj", "ffn_gate_shexp"},
    {"mlp.shared_experts.up_proj", "ffn_up_shexp"},
    {"mlp.shared_experts.down_proj", "ffn_down_shexp"},
    {"embed_tokens", "nextn.embed_tokens"},
    {"enorm", "nextn.enorm"},
    {"hnorm", "nextn.hnorm"},
    {"eh_proj", "nextn.eh_proj"},
    {"shared_head.norm", "nextn.shared_head_norm"},
    {"shared_head.head", "nextn.shared_head_head"},
    // The router bias is the one tensor whose last part differs; see both functions below.
    {"mlp.gate.e_score_correction_bias", "exp_probs_b.bias"},
}};

constexpr std::array<NamePair, 3> kExperts{{
    {"gate_proj", "ffn_gate_exps"},
    {"up_proj", "ffn_up_exps"},
    {"down_proj", "ffn_down_exps"},
}};

struct LayerName {
  std::int64_t layer = 0;
  std::string_view rest;
};

// "<prefix>N.<rest>".
std::optional<LayerName> ParseLayer(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  LayerName parsed;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), parsed.layer);
  if (error != std::errc() || parsed.layer < 0 || end == name.data() + name.size() || *end != '.') {
    return std::nullopt;
  }
  parsed.rest = name.substr(static_cast<std::size_t>(end - name.data()) + 1);
  return parsed;
}

struct Stem {
  std::string_view stem;
  std::string_view suffix;  // ".weight" or ".bias"
};

std::optional<Stem> SplitSuffix(std::string_view name) {
  for (std::string_view suffix : {std::string_view(".weight"), std::string_view(".bias")}) {
    if (name.ends_with(suffix)) {
      return Stem{name.substr(0, name.size() - suffix.size()), suffix};
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> GgufName(std::string_view hf_name) {
  if (const auto layer = ParseLayer(hf_name, "model.layers.")) {
    const auto stem = SplitSuffix(layer->rest);
    for (const NamePair& pair : kLayer) {
      if (layer->rest == pair.hf) return fmt::format("blk.{}.{}", layer->layer, pair.gguf);
      if (stem && stem->stem == pair.hf) {
        return fmt::format("blk.{}.{}{}", layer->layer, pair.gguf, stem->suffix);
      }
    }
    return std::nullopt;
  }
  const auto stem = SplitSuffix(hf_name);
  if (!stem) return std::nullopt;
  for (const NamePair& pair : kGlobal) {
    if (stem->stem == pair.hf) return fmt::format("{}{}", pair.gguf, stem->suffix);
  }
  return std::nullopt;
}

std::optional<std::string> HfName(std::string_view gguf_name) {
  if (const auto layer = ParseLayer(gguf_name, "blk.")) {
    // Some files leave the bias's suffix out.
    const std::string_view rest = layer->rest == "exp_probs_b" ? "exp_probs_b.bias" : layer->rest;
    const auto stem = SplitSuffix(rest);
    for (const NamePair& pair : kLayer) {
      if (rest == pair.gguf) return fmt::format("model.layers.{}.{}", layer->layer, pair.hf);
      if (stem && stem->stem == pair.gguf) {
        return fmt::format("model.layers.{}.{}{}", layer->layer, pair.hf, stem->suffix);
      }
    }
    return std::nullopt;
  }
  const auto stem = SplitSuffix(gguf_name);
  if (!stem) return std::nullopt;
  for (const NamePair& pair : kGlobal) {
    if (stem->stem == pair.gguf) return fmt::format("{}{}", pair.hf, stem->suffix);
  }
  return std::nullopt;
}

std::optional<MergedExperts> ParseMergedExperts(std::string_view gguf_name) {
  const auto layer = ParseLayer(gguf_name, "blk.");
  if (!layer) return std::nullopt;
  const auto stem = SplitSuffix(layer->rest);
  if (!stem || stem->suffix != ".weight") return std::nullopt;
  for (const NamePair& pair : kExperts) {
    if (stem->stem == pair.gguf) return MergedExperts{layer->layer, pair.hf};
  }
  return std::nullopt;
}

std::string ExpertName(std::int64_t layer, std::int64_t expert, std::string_view projection) {
  return fmt::format("model.layers.{}.mlp.experts.{}.{}.weight", layer, expert, projection);
}

std::string MergedExpertName(std::int64_t layer, std::string_view projection) {
  for (const NamePair& pair : kExperts) {
    if (pair.hf == projection) return fmt::format("blk.{}.{}.weight", layer, pair.gguf);
  }
  return {};
}

}  // namespace holdfast::weights
