#include "convert/plan.h"

#include <algorithm>
#include <cstring>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "weights/tensor_names.h"

namespace holdfast::convert {
namespace {

using tensor::DType;
using tensor::TensorView;
using Rows = OutputTensor::Rows;

bool IsSame(const TensorView& a, const TensorView& b) {
  if (a.dtype != b.dtype || a.shape != b.shape) return false;
  return a.data == b.data || std::memcmp(a.data, b.data, a.Bytes()) == 0;
}

class Planner {
 public:
  Planner(const weights::Checkpoint& source, Format format, std::optional<DType> wanted,
          const model::ModelConfig& config)
      : source_(source), format_(format), wanted_(wanted), config_(config) {}

  Result<Plan> Make() {
    TRY(Require("model.embed_tokens.weight"));
    TRY(Require("model.norm.weight"));
    // An alias of the embedding is not written again.
    const auto output = source_.Find("lm_head.weight");
    const auto embedding = source_.Find("model.embed_tokens.weight");
    if (!output && !config_.tie_word_embeddings) {
      return Fail(ErrorCode::kNotFound, "tensor 'lm_head.weight' is missing");
    }
    if (output && output->data != embedding->data) Add("lm_head.weight");
    plan_.mtp_modules = CountModules();
    for (std::int64_t i = 0; i < config_.num_hidden_layers + plan_.mtp_modules; ++i)
      TRY(AddLayer(i));
    FindLeftOut();
    return std::move(plan_);
  }

 private:
  static std::string Layer(std::int64_t layer, std::string_view rest) {
    return fmt::format("model.layers.{}.{}", layer, rest);
  }

  // Many published directories announce MTP modules that they leave out.
  std::int64_t CountModules() const {
    std::int64_t count = 0;
    while (count < config_.num_nextn_predict_layers &&
           source_.Find(Layer(config_.num_hidden_layers + count, "eh_proj.weight"))) {
      ++count;
    }
    return count;
  }

  DType Choose(std::string_view name, const TensorView& view, int rank) const {
    TensorFacts facts;
    facts.name = name;
    facts.stored = view.dtype;
    facts.rank = rank;
    facts.cols = view.Cols();
    facts.layer = layer_;
    facts.layer_count = config_.num_hidden_layers;
    const auto output = source_.Find("lm_head.weight");
    const auto embedding = source_.Find("model.embed_tokens.weight");
    const bool is_tied = !output || output->data == embedding->data;
    facts.is_output = name == "lm_head.weight" || name.ends_with(".shared_head.head.weight") ||
                      (is_tied && name == "model.embed_tokens.weight");
    return ChooseDType(facts, wanted_, format_);
  }

  void Push(std::string_view name, OutputTensor output) {
    if (format_ == Format::kGguf && output.spec.name.empty()) {
      output.spec.name = weights::GgufName(name).value_or(std::string(name));
    } else if (output.spec.name.empty()) {
      output.spec.name = name;
    }
    if (output.spec.dtype != DType::kF8E4M3) {
      plan_.tensors.push_back(std::move(output));
      return;
    }
    // FP8 comes as two tensors. Scales of a copied matrix are copied too.
    OutputTensor scales;
    const TensorView& matrix = output.parts[0];
    scales.spec = {output.spec.name + "_scale_inv",
                   DType::kF32,
                   {(output.spec.shape[0] + 127) / 128, (output.spec.shape[1] + 127) / 128}};
    if (output.IsCopy()) {
      scales.parts = {{.dtype = DType::kF32,
                       .shape = scales.spec.shape,
                       .data = reinterpret_cast<const std::byte*>(matrix.block_scale)}};
    } else {
      scales.rows = Rows::kFp8Scales;
      scales.parts = output.parts;
    }
    plan_.tensors.push_back(std::move(output));
    plan_.tensors.push_back(std::move(scales));
  }

  // Adds a tensor that is taken as it is; false if the source lacks it.
  bool Add(const std::string& name) {
    const auto view = source_.Find(name);
    if (!view) return false;
    used_.insert(name);
    OutputTensor output;
    output.spec = {"", Choose(name, *view, view->shape.rank), view->shape};
    output.parts = {*view};
    Push(name, std::move(output));
    return true;
  }

  Result<void> Require(const std::string& name) {
    if (!Add(name)) return Fail(ErrorCode::kNotFound, "tensor '{}' is missing", name);
    return {};
  }

  // A projection with its bias, where it has one.
  Result<void> RequireProjection(std::int64_t layer, std::string_view stem) {
    TRY(Require(Layer(layer, fmt::format("{}.weight", stem))));
    Add(Layer(layer, fmt::format("{}.bias", stem)));
    return {};
  }

  Result<void> AddLayer(std::int64_t layer) {
    layer_ = layer;
    TRY(Require(Layer(layer, "input_layernorm.weight")));
    if (source_.Find(Layer(layer, "self_attn.q_proj.weight"))) {
      TRY(RequireProjection(layer, "self_attn.q_proj"));
    } else {
      TRY(RequireProjection(layer, "self_attn.q_a_proj"));
      TRY(Require(Layer(layer, "self_attn.q_a_layernorm.weight")));
      TRY(RequireProjection(layer, "self_attn.q_b_proj"));
    }
    TRY(RequireProjection(layer, "self_attn.kv_a_proj_with_mqa"));
    TRY(Require(Layer(layer, "self_attn.kv_a_layernorm.weight")));
    TRY(AddKvB(layer));
    TRY(RequireProjection(layer, "self_attn.o_proj"));
    TRY(Require(Layer(layer, "post_attention_layernorm.weight")));
    if (source_.Find(Layer(layer, "mlp.gate_proj.weight"))) {
      for (std::string_view projection : {"gate_proj", "up_proj", "down_proj"}) {
        TRY(RequireProjection(layer, fmt::format("mlp.{}", projection)));
      }
    } else {
      TRY(AddExperts(layer));
    }
    if (layer >= config_.num_hidden_layers) TRY(AddModule(layer));
    layer_ = -1;
    return {};
  }

  Result<void> AddExperts(std::int64_t layer) {
    TRY(Require(Layer(layer, "mlp.gate.weight")));
    Add(Layer(layer, "mlp.gate.e_score_correction_bias"));
    for (std::string_view projection : {"gate_proj", "up_proj", "down_proj"}) {
      if (format_ == Format::kGguf) {
        TRY(AddMergedExperts(layer, projection));
        continue;
      }
      for (std::int64_t expert = 0; expert < config_.n_routed_experts; ++expert) {
        TRY(Require(weights::ExpertName(layer, expert, projection)));
      }
    }
    if (!source_.Find(Layer(layer, "mlp.shared_experts.gate_proj.weight"))) return {};
    for (std::string_view projection : {"gate_proj", "up_proj", "down_proj"}) {
      TRY(RequireProjection(layer, fmt::format("mlp.shared_experts.{}", projection)));
    }
    return {};
  }

  Result<void> AddMergedExperts(std::int64_t layer, std::string_view projection) {
    OutputTensor output;
    std::string first_name;
    for (std::int64_t expert = 0; expert < config_.n_routed_experts; ++expert) {
      const std::string name = weights::ExpertName(layer, expert, projection);
      const auto view = source_.Find(name);
      if (!view) return Fail(ErrorCode::kNotFound, "tensor '{}' is missing", name);
      if (view->shape.rank != 2 || (expert > 0 && view->shape != output.parts[0].shape)) {
        return Fail(ErrorCode::kInvalidArgument, "tensor '{}' has shape {}, unlike expert 0", name,
                    view->shape.ToString());
      }
      used_.insert(name);
      output.parts.push_back(*view);
      if (expert == 0) first_name = name;
    }
    if (output.parts.empty()) {
      return Fail(ErrorCode::kInvalidArgument, "layer {} has a router but no experts", layer);
    }
    const TensorView& first = output.parts[0];
    output.spec = {weights::MergedExpertName(layer, projection),
                   Choose(first_name, first, 3),
                   {config_.n_routed_experts, first.shape[0], first.shape[1]}};
    Push(first_name, std::move(output));
    return {};
  }

  // GGUF gets the halves, which absorbed attention reads; Hugging Face the fused matrix.
  Result<void> AddKvB(std::int64_t layer) {
    const std::string fused_name = Layer(layer, "self_attn.kv_b_proj.weight");
    const std::string key_name = Layer(layer, "self_attn.k_b_proj.weight");
    const std::string value_name = Layer(layer, "self_attn.v_b_proj.weight");
    const auto fused = source_.Find(fused_name);
    const auto key = source_.Find(key_name);
    const auto value = source_.Find(value_name);
    for (const std::string& name : {fused_name, key_name, value_name}) used_.insert(name);
    const tensor::Shape fused_shape{
        config_.num_attention_heads * (config_.qk_nope_head_dim + config_.v_head_dim),
        config_.kv_lora_rank};
    const tensor::Shape key_shape{config_.num_attention_heads, config_.kv_lora_rank,
                                  config_.qk_nope_head_dim};
    const tensor::Shape value_shape{config_.num_attention_heads, config_.v_head_dim,
                                    config_.kv_lora_rank};
    const bool has_halves = key && value;
    if (!fused && !has_halves) {
      return Fail(ErrorCode::kNotFound, "tensor '{}' is missing", fused_name);
    }
    if (fused) TRY(source_.Require(fused_name, fused_shape));
    if (has_halves) {
      TRY(source_.Require(key_name, key_shape));
      TRY(source_.Require(value_name, value_shape));
    }
    if (format_ == Format::kGguf) {
      PushHalf(key_name, key_shape, has_halves ? key : fused,
               has_halves ? Rows::kStacked : Rows::kKeyHalf);
      PushHalf(value_name, value_shape, has_halves ? value : fused,
               has_halves ? Rows::kStacked : Rows::kValueHalf);
    } else if (fused) {
      Add(fused_name);
    } else {
      OutputTensor output = WithHeads(Rows::kFused);
      output.parts = {*key, *value};
      TensorView shaped = *value;
      shaped.shape = fused_shape;
      output.spec = {"", Choose(fused_name, shaped, 2), fused_shape};
      // Blocks of scales would span heads, which are joined one by one.
      if (output.spec.dtype == DType::kF8E4M3) output.spec.dtype = DType::kBF16;
      Push(fused_name, std::move(output));
    }
    return {};
  }

  OutputTensor WithHeads(Rows rows) const {
    OutputTensor output;
    output.rows = rows;
    output.nope = config_.qk_nope_head_dim;
    output.value = config_.v_head_dim;
    return output;
  }

  void PushHalf(const std::string& name, const tensor::Shape& shape,
                const std::optional<TensorView>& part, Rows rows) {
    OutputTensor output = WithHeads(rows);
    output.parts = {*part};
    TensorView shaped = *part;
    shaped.shape = shape;
    output.spec = {"", Choose(name, shaped, 3), shape};
    Push(name, std::move(output));
  }

  Result<void> AddModule(std::int64_t layer) {
    for (std::string_view part :
         {"enorm.weight", "hnorm.weight", "eh_proj.weight", "shared_head.norm.weight"}) {
      TRY(Require(Layer(layer, part)));
    }
    AddUnlessSame(Layer(layer, "embed_tokens.weight"), "model.embed_tokens.weight");
    AddUnlessSame(Layer(layer, "shared_head.head.weight"), "lm_head.weight");
    return {};
  }

  // GGUF leaves out a module's copy of the main model's embedding and output.
  void AddUnlessSame(const std::string& name, const std::string& main_name) {
    const auto view = source_.Find(name);
    const auto main = source_.Find(main_name);
    if (format_ == Format::kGguf && view && main && IsSame(*view, *main)) {
      used_.insert(name);
      return;
    }
    Add(name);
  }

  void FindLeftOut() {
    for (const weights::NamedTensor& tensor : source_.tensors()) {
      std::string name = tensor.name;
      if (source_.format() == "gguf") {
        if (const auto merged = weights::ParseMergedExperts(name)) {
          name = weights::ExpertName(merged->layer, 0, merged->projection);
        } else {
          name = weights::HfName(name).value_or(name);
        }
      }
      constexpr std::string_view kScale = "_scale_inv";
      if (name.ends_with(kScale)) name.resize(name.size() - kScale.size());
      if (!used_.contains(name)) plan_.left_out.push_back(tensor.name);
    }
  }

  const weights::Checkpoint& source_;
  const Format format_;
  const std::optional<DType> wanted_;
  const model::ModelConfig& config_;
  std::int64_t layer_ = -1;
  Plan plan_;
  std::unordered_set<std::string> used_;
};

}  // namespace

bool OutputTensor::IsCopy() const {
  if (rows != Rows::kStacked) return false;
  return std::all_of(parts.begin(), parts.end(),
                     [this](const TensorView& part) { return part.dtype == spec.dtype; });
}

bool OutputTensor::IsExact() const {
  if (IsCopy()) return true;
  // Loading a model quantizes some rows of blocks anew, so their values do not reach the logits.
  const auto is_kept = [this](const TensorView& part) {
    if (tensor::BlockElements(part.dtype) > 1 || spec.dtype == DType::kF8E4M3) return false;
    return spec.dtype == DType::kF32 || part.dtype == spec.dtype;
  };
  return rows == Rows::kFp8Scales || std::all_of(parts.begin(), parts.end(), is_kept);
}

Result<Plan> MakePlan(const weights::Checkpoint& source, const model::ModelConfig& config,
                      Format format, std::optional<DType> wanted) {
  return Planner(source, format, wanted, config).Make();
}

}  // namespace holdfast::convert
