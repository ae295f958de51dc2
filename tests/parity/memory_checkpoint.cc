#include "parity/memory_checkpoint.h"

#include <cmath>
#include <cstring>
#include <random>

#include "base/check.h"
#include "kernels/quant/quantize.h"

namespace holdfast::parity {
namespace {

using tensor::DType;
using tensor::Shape;
using tensor::TensorView;

struct TensorPlan {
  std::string name;
  Shape shape;
};

void PlanUnit(std::vector<TensorPlan>& plan, const std::string& prefix, std::int64_t d,
              std::int64_t inner) {
  plan.push_back({prefix + "gate_proj.weight", {inner, d}});
  plan.push_back({prefix + "up_proj.weight", {inner, d}});
  plan.push_back({prefix + "down_proj.weight", {d, inner}});
}

void PlanBlock(std::vector<TensorPlan>& plan, const model::ModelConfig& c, std::int64_t layer) {
  const std::string prefix = fmt::format("model.layers.{}.", layer);
  const std::string attention = prefix + "self_attn.", mlp = prefix + "mlp.";
  const std::int64_t d = c.hidden_size, heads = c.num_attention_heads;
  plan.push_back({prefix + "input_layernorm.weight", {d}});
  if (c.q_lora_rank > 0) {
    plan.push_back({attention + "q_a_proj.weight", {c.q_lora_rank, d}});
    plan.push_back({attention + "q_a_layernorm.weight", {c.q_lora_rank}});
    plan.push_back({attention + "q_b_proj.weight", {heads * c.QkHeadDim(), c.q_lora_rank}});
  } else {
    plan.push_back({attention + "q_proj.weight", {heads * c.QkHeadDim(), d}});
  }
  plan.push_back({attention + "kv_a_proj_with_mqa.weight", {c.LatentWidth(), d}});
  plan.push_back({attention + "kv_a_layernorm.weight", {c.kv_lora_rank}});
  plan.push_back({attention + "kv_b_proj.weight",
                  {heads * (c.qk_nope_head_dim + c.v_head_dim), c.kv_lora_rank}});
  plan.push_back({attention + "o_proj.weight", {d, heads * c.v_head_dim}});
  plan.push_back({prefix + "post_attention_layernorm.weight", {d}});
  if (!c.IsMoeLayer(layer)) {
    PlanUnit(plan, mlp, d, c.intermediate_size);
    return;
  }
  plan.push_back({mlp + "gate.weight", {c.n_routed_experts, d}});
  if (c.topk_method == model::TopkMethod::kNoauxTc) {
    plan.push_back({mlp + "gate.e_score_correction_bias", {c.n_routed_experts}});
  }
  for (std::int64_t e = 0; e < c.n_routed_experts; ++e) {
    PlanUnit(plan, fmt::format("{}experts.{}.", mlp, e), d, c.moe_intermediate_size);
  }
  if (c.n_shared_experts > 0) {
    PlanUnit(plan, mlp + "shared_experts.", d, c.n_shared_experts * c.moe_intermediate_size);
  }
}

std::vector<TensorPlan> PlanModel(const model::ModelConfig& c) {
  std::vector<TensorPlan> plan;
  const std::int64_t d = c.hidden_size;
  plan.push_back({"model.embed_tokens.weight", {c.vocab_size, d}});
  for (std::int64_t layer = 0; layer < c.num_hidden_layers; ++layer) PlanBlock(plan, c, layer);
  plan.push_back({"model.norm.weight", {d}});
  if (!c.tie_word_embeddings) plan.push_back({"lm_head.weight", {c.vocab_size, d}});
  if (c.num_nextn_predict_layers > 0) {
    PlanBlock(plan, c, c.num_hidden_layers);
    const std::string prefix = fmt::format("model.layers.{}.", c.num_hidden_layers);
    plan.push_back({prefix + "enorm.weight", {d}});
    plan.push_back({prefix + "hnorm.weight", {d}});
    plan.push_back({prefix + "eh_proj.weight", {d, 2 * d}});
    plan.push_back({prefix + "shared_head.norm.weight", {d}});
  }
  return plan;
}

}  // namespace

std::optional<TensorView> MemoryCheckpoint::Find(std::string_view name) const {
  for (const weights::NamedTensor& tensor : tensors_) {
    if (tensor.name == name) return tensor.view;
  }
  return std::nullopt;
}

void MemoryCheckpoint::Add(const std::string& name, DType dtype, const Shape& shape,
                           std::span<const float> values) {
  TensorView view{dtype, shape, nullptr};
  CHECK(static_cast<std::int64_t>(values.size()) == shape.Count());
  tensor::AlignedBuffer<std::byte> buffer(view.Bytes());
  kernels::QuantizeRow(dtype, values.data(), buffer.data(), shape.Count());
  view.data = buffer.data();
  owned_.push_back(std::move(buffer));
  tensors_.push_back({name, view});
}

void MemoryCheckpoint::Remove(std::string_view name) {
  std::erase_if(tensors_, [&](const weights::NamedTensor& t) { return t.name == name; });
}

MemoryCheckpoint RandomCheckpoint(const model::ModelConfig& config, DType dtype,
                                  std::uint32_t seed) {
  MemoryCheckpoint checkpoint(model::WriteModelConfig(config));
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  for (const TensorPlan& plan : PlanModel(config)) {
    std::vector<float> values(plan.shape.Count());
    const bool is_vector = plan.shape.rank == 1;
    const bool is_bias = plan.name.ends_with("bias");
    const float spread = plan.name.ends_with("embed_tokens.weight")
                             ? 1.0f
                             : 1.0f / std::sqrt(static_cast<float>(plan.shape[1]));
    for (float& value : values) {
      const float draw = normal(random);
      value = is_bias ? 0.3f * draw : is_vector ? 1.0f + 0.1f * draw : spread * draw;
    }
    const bool is_whole =
        !is_vector && plan.shape[1] % static_cast<std::int64_t>(tensor::BlockElements(dtype)) == 0;
    checkpoint.Add(plan.name, is_whole ? dtype : DType::kF32, plan.shape, values);
  }
  return checkpoint;
}

MemoryCheckpoint DequantizedTwin(const weights::Checkpoint& source,
                                 std::span<const std::string> names) {
  MemoryCheckpoint twin(source.config());
  for (const std::string& name : names) {
    const auto view = source.Find(name);
    CHECK_MSG(view, "{} is missing", name);
    std::vector<float> values(view->shape.Count());
    for (std::int64_t row = 0; row < view->Rows(); ++row) {
      kernels::DequantizeViewRow(*view, row, values.data() + row * view->Cols());
    }
    twin.Add(name, DType::kF32, view->shape, values);
  }
  return twin;
}

MemoryCheckpoint SplitTwin(const weights::Checkpoint& source, const model::ModelConfig& config) {
  MemoryCheckpoint twin(source.config());
  const std::int64_t heads = config.num_attention_heads, rank = config.kv_lora_rank;
  const std::int64_t nope = config.qk_nope_head_dim, v = config.v_head_dim;
  for (const std::string& name : TensorNames(config)) {
    const auto view = source.Find(name);
    CHECK_MSG(view, "{} is missing", name);
    std::vector<float> values(view->shape.Count());
    for (std::int64_t row = 0; row < view->Rows(); ++row) {
      kernels::DequantizeViewRow(*view, row, values.data() + row * view->Cols());
    }
    if (!name.ends_with(".kv_b_proj.weight")) {
      twin.Add(name, view->dtype, view->shape, values);
      continue;
    }
    std::vector<float> k(heads * rank * nope), v_up(heads * v * rank);
    for (std::int64_t head = 0; head < heads; ++head) {
      const float* block = values.data() + head * (nope + v) * rank;
      for (std::int64_t r = 0; r < rank; ++r) {
        for (std::int64_t n = 0; n < nope; ++n) {
          k[(head * rank + r) * nope + n] = block[n * rank + r];
        }
      }
      std::copy_n(block + nope * rank, v * rank, v_up.data() + head * v * rank);
    }
    const std::string prefix = name.substr(0, name.size() - std::strlen("kv_b_proj.weight"));
    twin.Add(prefix + "k_b_proj.weight", view->dtype, {heads, rank, nope}, k);
    twin.Add(prefix + "v_b_proj.weight", view->dtype, {heads, v, rank}, v_up);
  }
  return twin;
}

std::vector<std::string> TensorNames(const model::ModelConfig& config) {
  std::vector<std::string> names;
  for (const TensorPlan& plan : PlanModel(config)) names.push_back(plan.name);
  return names;
}

}  // namespace holdfast::parity
