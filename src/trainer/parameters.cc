#include "trainer/parameters.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/random.h"

namespace holdfast::trainer {
namespace {

// One cache line of floats: no two parameters' vectors share one, except those fused on purpose.
constexpr std::int64_t kAlignment = 16;

bool EndsWith(const std::string& text, std::string_view end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

Result<ParameterLayout> ParameterLayout::Make(const model::ModelConfig& config) {
  if (config.tie_word_embeddings) {
    return Fail(ErrorCode::kUnsupported, "the trainer does not tie embedding and head");
  }
  if (config.num_nextn_predict_layers > 1) {
    return Fail(ErrorCode::kUnsupported, "the trainer has one MTP module, not {}",
                config.num_nextn_predict_layers);
  }
  ParameterLayout layout;
  layout.config_ = config;
  const std::int64_t d = config.hidden_size;
  layout.embedding_ =
      layout.Add("model.embed_tokens.weight", config.vocab_size, d, ParameterKind::kEmbedding);
  for (std::int64_t layer = 0; layer < config.num_hidden_layers; ++layer) layout.AddBlock(layer);
  layout.final_norm_ = layout.Add("model.norm.weight", d, 0, ParameterKind::kNorm);
  layout.head_ = layout.Add("lm_head.weight", config.vocab_size, d, ParameterKind::kHead);
  layout.mtp_begin_ = (layout.count_ + kAlignment - 1) / kAlignment * kAlignment;
  layout.has_mtp_ = config.num_nextn_predict_layers == 1;
  if (layout.has_mtp_) {
    const std::size_t first = layout.parameters_.size();
    const std::string prefix = fmt::format("model.layers.{}.", config.num_hidden_layers);
    layout.mtp_.embedding_norm = layout.Add(prefix + "enorm.weight", d, 0, ParameterKind::kNorm);
    layout.mtp_.hidden_norm = layout.Add(prefix + "hnorm.weight", d, 0, ParameterKind::kNorm);
    layout.mtp_.eh_proj = layout.Add(prefix + "eh_proj.weight", d, 2 * d, ParameterKind::kMatrix);
    layout.AddBlock(config.num_hidden_layers);
    layout.mtp_.head_norm =
        layout.Add(prefix + "shared_head.norm.weight", d, 0, ParameterKind::kNorm);
    for (std::size_t i = first; i < layout.parameters_.size(); ++i) {
      layout.parameters_[i].is_mtp = true;
    }
  }
  return layout;
}

std::int64_t ParameterLayout::Add(std::string name, std::int64_t rows, std::int64_t cols,
                                  ParameterKind kind) {
  // The second of a fused pair follows the first without a gap.
  const bool is_fused =
      EndsWith(name, "up_proj.weight") || EndsWith(name, "kv_a_proj_with_mqa.weight");
  if (!is_fused) count_ = (count_ + kAlignment - 1) / kAlignment * kAlignment;
  parameters_.push_back(
      {.name = std::move(name), .rows = rows, .cols = cols, .offset = count_, .kind = kind});
  const std::int64_t offset = count_;
  count_ += parameters_.back().Count();
  return offset;
}

MlpOffsets ParameterLayout::AddMlp(const std::string& prefix, std::int64_t inner) {
  const std::int64_t d = config_.hidden_size;
  MlpOffsets mlp{.inner = inner};
  if (inner == 0) return mlp;
  mlp.gate_up = Add(prefix + "gate_proj.weight", inner, d, ParameterKind::kMatrix);
  Add(prefix + "up_proj.weight", inner, d, ParameterKind::kMatrix);
  mlp.down = Add(prefix + "down_proj.weight", d, inner, ParameterKind::kMatrix);
  return mlp;
}

void ParameterLayout::AddBlock(std::int64_t layer) {
  using enum ParameterKind;
  const model::ModelConfig& c = config_;
  const std::int64_t d = c.hidden_size, heads = c.num_attention_heads;
  const std::string prefix = fmt::format("model.layers.{}.", layer);
  const std::string attention = prefix + "self_attn.";
  BlockOffsets block;
  block.attention_norm = Add(prefix + "input_layernorm.weight", d, 0, kNorm);
  if (c.q_lora_rank > 0) {
    block.in_proj = Add(attention + "q_a_proj.weight", c.q_lora_rank, d, kMatrix);
  } else {
    block.in_proj = Add(attention + "q_proj.weight", heads * c.QkHeadDim(), d, kMatrix);
  }
  Add(attention + "kv_a_proj_with_mqa.weight", c.LatentWidth(), d, kMatrix);
  if (c.q_lora_rank > 0) {
    block.q_norm = Add(attention + "q_a_layernorm.weight", c.q_lora_rank, 0, kNorm);
    block.q_b = Add(attention + "q_b_proj.weight", heads * c.QkHeadDim(), c.q_lora_rank, kMatrix);
  }
  block.kv_norm = Add(attention + "kv_a_layernorm.weight", c.kv_lora_rank, 0, kNorm);
  block.kv_b = Add(attention + "kv_b_proj.weight", heads * (c.qk_nope_head_dim + c.v_head_dim),
                   c.kv_lora_rank, kMatrix);
  block.o_proj = Add(attention + "o_proj.weight", d, heads * c.v_head_dim, kMatrix);
  block.ffn_norm = Add(prefix + "post_attention_layernorm.weight", d, 0, kNorm);
  block.is_moe = c.IsMoeLayer(layer);
  if (!block.is_moe) {
    block.mlp = AddMlp(prefix + "mlp.", c.intermediate_size);
    blocks_.push_back(std::move(block));
    return;
  }
  block.moe_index = moe_blocks_++;
  block.router = Add(prefix + "mlp.gate.weight", c.n_routed_experts, d, kRouter);
  for (std::int64_t expert = 0; expert < c.n_routed_experts; ++expert) {
    block.experts.push_back(
        AddMlp(fmt::format("{}mlp.experts.{}.", prefix, expert), c.moe_intermediate_size));
  }
  block.mlp = AddMlp(prefix + "mlp.shared_experts.", c.n_shared_experts * c.moe_intermediate_size);
  blocks_.push_back(std::move(block));
}

std::int64_t ParameterLayout::ActiveMatmulParameters(bool with_mtp) const {
  std::int64_t active = 0;
  for (const Parameter& parameter : parameters_) {
    if (parameter.cols == 0 || parameter.kind == ParameterKind::kEmbedding) continue;
    if (parameter.is_mtp && !with_mtp) continue;
    std::int64_t count = parameter.Count();
    if (parameter.name.find(".mlp.experts.") != std::string::npos) {
      // Of E equal experts each token uses k; summed over all experts this is exact.
      count = count * config_.num_experts_per_tok / config_.n_routed_experts;
    }
    active += count;
  }
  if (with_mtp && has_mtp_) active += config_.vocab_size * config_.hidden_size;
  return active;
}

double ParameterLayout::FlopsPerToken(std::int64_t seq_len, bool with_mtp) const {
  const double blocks =
      static_cast<double>(config_.num_hidden_layers + (with_mtp && has_mtp_ ? 1 : 0));
  const double attention = 3.0 * 2.0 * static_cast<double>(config_.num_attention_heads) *
                           static_cast<double>(config_.QkHeadDim() + config_.v_head_dim) *
                           static_cast<double>(seq_len) / 2.0 * blocks;
  return 6.0 * static_cast<double>(ActiveMatmulParameters(with_mtp)) + attention;
}

void ParameterLayout::Initialise(std::uint64_t seed, double deviation,
                                 std::span<float> weights) const {
  CHECK(static_cast<std::int64_t>(weights.size()) == count_);
  Random random(seed);
  const double output_deviation =
      deviation / std::sqrt(2.0 * static_cast<double>(config_.num_hidden_layers));
  for (const Parameter& parameter : parameters_) {
    const auto values = weights.subspan(static_cast<std::size_t>(parameter.offset),
                                        static_cast<std::size_t>(parameter.Count()));
    if (parameter.kind == ParameterKind::kNorm) {
      std::ranges::fill(values, 1.0f);
      continue;
    }
    const bool is_output =
        EndsWith(parameter.name, "o_proj.weight") || EndsWith(parameter.name, "down_proj.weight");
    const double scale = is_output ? output_deviation : deviation;
    for (float& value : values) value = static_cast<float>(scale * random.Normal());
  }
}

}  // namespace holdfast::trainer
