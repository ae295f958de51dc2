#include "model/layer_weights.h"

#include <cstring>

#include "kernels/quant/quantize.h"

namespace holdfast::model {
namespace {

using kernels::PackedMatrix;
using tensor::DType;
using tensor::Shape;
using tensor::TensorView;

constexpr std::int64_t kScaleBlock = 128;  // Rows and columns of one FP8 scale.

bool IsPlain(DType type) {
  return type == DType::kF32 || type == DType::kF16 || type == DType::kBF16;
}

// Rows [row, row + rows) as a matrix of their own. An FP8 slice must begin at a scale's border.
TensorView RowSlice(const TensorView& view, std::int64_t row, std::int64_t rows) {
  TensorView slice = view;
  slice.shape = Shape{rows, view.Cols()};
  slice.data = view.Row(row);
  if (view.block_scale != nullptr) {
    slice.block_scale += row / kScaleBlock * ((view.Cols() + kScaleBlock - 1) / kScaleBlock);
  }
  return slice;
}

// The type of a transposed matrix with rows of `row_length`.
DType TransposedType(DType stored, std::int64_t row_length) {
  if (IsPlain(stored)) return stored;
  if (stored == DType::kF8E4M3) return DType::kF32;
  const auto block = static_cast<std::int64_t>(tensor::BlockElements(DType::kQ8_0));
  return row_length % block == 0 ? DType::kQ8_0 : DType::kBF16;
}

std::string LayerPrefix(std::int64_t layer) { return fmt::format("model.layers.{}.", layer); }

std::size_t Bytes(const std::vector<PackedMatrix>& matrices) {
  std::size_t bytes = 0;
  for (const PackedMatrix& matrix : matrices) bytes += matrix.bytes();
  return bytes;
}

std::size_t Bytes(const FeedForwardWeights& weights) {
  return weights.gate.bytes() + weights.up.bytes() + weights.down.bytes();
}

}  // namespace

std::size_t MemoryBytes(const LayerWeights& layer) {
  const AttentionWeights& attention = layer.attention;
  std::size_t bytes = attention.q.bytes() + attention.q_a.bytes() + attention.kv_a.bytes() +
                      attention.o.bytes() + Bytes(attention.k_absorb) + Bytes(attention.k_up) +
                      Bytes(attention.v_up) + Bytes(layer.dense) + layer.router.bytes();
  for (const FeedForwardWeights& expert : layer.experts) bytes += Bytes(expert);
  return bytes;
}

Result<PackedMatrix> WeightLoader::Pack(const std::string& name, const TensorView& view) const {
  Result<PackedMatrix> packed = PackedMatrix::Pack(view, options_, pool_);
  if (!packed) return Fail(packed.error().code, "{}: {}", name, packed.error().message);
  return packed;
}

Result<PackedMatrix> WeightLoader::LoadMatrix(const std::string& name, std::int64_t out,
                                              std::int64_t in) const {
  TRY_ASSIGN(const TensorView view, checkpoint_.Require(name, Shape{out, in}));
  return Pack(name, view);
}

Result<std::vector<float>> WeightLoader::LoadVector(const std::string& name,
                                                    std::int64_t count) const {
  TRY_ASSIGN(const TensorView view, checkpoint_.Require(name, Shape{count}));
  if (!IsPlain(view.dtype)) {
    return Fail(ErrorCode::kUnsupported, "{}: a vector of type {} is not supported", name,
                tensor::DTypeName(view.dtype));
  }
  std::vector<float> values(count);
  kernels::DequantizeViewRow(view, 0, values.data());
  return values;
}

// A row slice; copied to f32 where the stored form cannot be cut there.
Result<PackedMatrix> WeightLoader::PackRows(const std::string& name, const TensorView& view,
                                            std::int64_t row, std::int64_t rows,
                                            AttentionWeights& owner) const {
  if (view.dtype != DType::kF8E4M3 || row % kScaleBlock == 0) {
    return Pack(name, RowSlice(view, row, rows));
  }
  tensor::AlignedBuffer<std::byte> buffer(rows * view.Cols() * sizeof(float));
  for (std::int64_t r = 0; r < rows; ++r) {
    kernels::DequantizeViewRow(view, row + r,
                               reinterpret_cast<float*>(buffer.data()) + r * view.Cols());
  }
  TensorView copy{DType::kF32, Shape{rows, view.Cols()}, buffer.data()};
  owner.owned.push_back(std::move(buffer));
  return Pack(name, copy);
}

// The transpose of a row slice. Plain types keep their bits, FP8 becomes f32 (exact). Quantized
// blocks run along the other dimension, so they are quantized anew to Q8_0 (bf16 where its blocks
// do not fit): no coarser than the finest of them.
Result<PackedMatrix> WeightLoader::PackTransposed(const std::string& name, const TensorView& view,
                                                  std::int64_t row, std::int64_t rows,
                                                  AttentionWeights& owner) const {
  const std::int64_t cols = view.Cols();
  const DType type = TransposedType(view.dtype, rows);
  TensorView copy{type, Shape{cols, rows}, nullptr};
  tensor::AlignedBuffer<std::byte> buffer(copy.Bytes());
  copy.data = buffer.data();
  if (IsPlain(view.dtype)) {
    const std::size_t size = tensor::BlockBytes(type);
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < cols; ++c) {
        std::memcpy(buffer.data() + (c * rows + r) * size, view.Row(row + r) + c * size, size);
      }
    }
  } else {
    std::vector<float> values(rows * cols), turned(rows * cols);
    for (std::int64_t r = 0; r < rows; ++r) {
      kernels::DequantizeViewRow(view, row + r, values.data() + r * cols);
      for (std::int64_t c = 0; c < cols; ++c) turned[c * rows + r] = values[r * cols + c];
    }
    kernels::QuantizeRow(type, turned.data(), buffer.data(), rows * cols);
  }
  owner.owned.push_back(std::move(buffer));
  return Pack(name, copy);
}

Result<void> WeightLoader::LoadFusedKeyValueUp(const std::string& name,
                                               AttentionWeights& weights) const {
  const std::int64_t nope = config_.qk_nope_head_dim, v = config_.v_head_dim;
  TRY_ASSIGN(const TensorView view,
             checkpoint_.Require(
                 name, Shape{config_.num_attention_heads * (nope + v), config_.kv_lora_rank}));
  for (std::int64_t head = 0; head < config_.num_attention_heads; ++head) {
    const std::int64_t row = head * (nope + v);
    TRY_ASSIGN(PackedMatrix k_absorb, PackTransposed(name, view, row, nope, weights));
    TRY_ASSIGN(PackedMatrix k_up, PackRows(name, view, row, nope, weights));
    TRY_ASSIGN(PackedMatrix v_up, PackRows(name, view, row + nope, v, weights));
    weights.k_absorb.push_back(std::move(k_absorb));
    weights.k_up.push_back(std::move(k_up));
    weights.v_up.push_back(std::move(v_up));
  }
  return {};
}

Result<void> WeightLoader::LoadKeyValueUp(const std::string& prefix,
                                          AttentionWeights& weights) const {
  const std::string fused = prefix + "kv_b_proj.weight";
  if (checkpoint_.Find(fused)) return LoadFusedKeyValueUp(fused, weights);
  const std::int64_t heads = config_.num_attention_heads, rank = config_.kv_lora_rank;
  const std::int64_t nope = config_.qk_nope_head_dim, v = config_.v_head_dim;
  const std::string k_name = prefix + "k_b_proj.weight", v_name = prefix + "v_b_proj.weight";
  if (!checkpoint_.Find(k_name)) {
    return Fail(ErrorCode::kNotFound, "neither {} nor {} is in the checkpoint", fused, k_name);
  }
  TRY_ASSIGN(const TensorView k_view, checkpoint_.Require(k_name, Shape{heads, rank, nope}));
  TRY_ASSIGN(const TensorView v_view, checkpoint_.Require(v_name, Shape{heads, v, rank}));
  for (std::int64_t head = 0; head < heads; ++head) {
    TRY_ASSIGN(PackedMatrix k_absorb, PackRows(k_name, k_view, head * rank, rank, weights));
    TRY_ASSIGN(PackedMatrix k_up, PackTransposed(k_name, k_view, head * rank, rank, weights));
    TRY_ASSIGN(PackedMatrix v_up, PackRows(v_name, v_view, head * v, v, weights));
    weights.k_absorb.push_back(std::move(k_absorb));
    weights.k_up.push_back(std::move(k_up));
    weights.v_up.push_back(std::move(v_up));
  }
  return {};
}

Result<AttentionWeights> WeightLoader::LoadAttention(const std::string& prefix) const {
  const std::int64_t d = config_.hidden_size, heads = config_.num_attention_heads;
  const std::string p = prefix + "self_attn.";
  AttentionWeights weights;
  TRY_ASSIGN(weights.input_norm, LoadVector(prefix + "input_layernorm.weight", d));
  const std::int64_t q_rows = heads * config_.QkHeadDim();
  if (config_.q_lora_rank > 0) {
    TRY_ASSIGN(weights.q_a, LoadMatrix(p + "q_a_proj.weight", config_.q_lora_rank, d));
    TRY_ASSIGN(weights.q_a_norm, LoadVector(p + "q_a_layernorm.weight", config_.q_lora_rank));
    TRY_ASSIGN(weights.q, LoadMatrix(p + "q_b_proj.weight", q_rows, config_.q_lora_rank));
  } else {
    TRY_ASSIGN(weights.q, LoadMatrix(p + "q_proj.weight", q_rows, d));
  }
  TRY_ASSIGN(weights.kv_a, LoadMatrix(p + "kv_a_proj_with_mqa.weight", config_.LatentWidth(), d));
  TRY_ASSIGN(weights.kv_a_norm, LoadVector(p + "kv_a_layernorm.weight", config_.kv_lora_rank));
  TRY_ASSIGN(weights.o, LoadMatrix(p + "o_proj.weight", d, heads * config_.v_head_dim));
  TRY(LoadKeyValueUp(p, weights));
  return weights;
}

Result<FeedForwardWeights> WeightLoader::LoadFeedForward(const std::string& prefix,
                                                         std::int64_t inner) const {
  const std::int64_t d = config_.hidden_size;
  FeedForwardWeights weights;
  TRY_ASSIGN(weights.gate, LoadMatrix(prefix + "gate_proj.weight", inner, d));
  TRY_ASSIGN(weights.up, LoadMatrix(prefix + "up_proj.weight", inner, d));
  TRY_ASSIGN(weights.down, LoadMatrix(prefix + "down_proj.weight", d, inner));
  return weights;
}

Result<void> WeightLoader::LoadExperts(const std::string& prefix, LayerWeights& layer) const {
  const std::int64_t d = config_.hidden_size, experts = config_.n_routed_experts;
  layer.is_moe = true;
  // The published models compute the router in f32, and a rounded router would choose other
  // experts; it is small, so it is f32 here whatever the file holds.
  const std::string name = prefix + "gate.weight";
  TRY_ASSIGN(const TensorView stored, checkpoint_.Require(name, Shape{experts, d}));
  layer.router_values = tensor::AlignedBuffer<float>(experts * d);
  for (std::int64_t e = 0; e < experts; ++e) {
    kernels::DequantizeViewRow(stored, e, layer.router_values.data() + e * d);
  }
  const auto* bytes = reinterpret_cast<const std::byte*>(layer.router_values.data());
  TRY_ASSIGN(layer.router, Pack(name, TensorView{DType::kF32, Shape{experts, d}, bytes}));
  if (config_.topk_method == TopkMethod::kNoauxTc) {
    TRY_ASSIGN(layer.router_bias, LoadVector(prefix + "gate.e_score_correction_bias", experts));
  }
  for (std::int64_t e = 0; e < experts; ++e) {
    TRY_ASSIGN(FeedForwardWeights expert, LoadFeedForward(fmt::format("{}experts.{}.", prefix, e),
                                                          config_.moe_intermediate_size));
    layer.experts.push_back(std::move(expert));
  }
  if (config_.n_shared_experts > 0) {
    TRY_ASSIGN(layer.dense,
               LoadFeedForward(prefix + "shared_experts.",
                               config_.n_shared_experts * config_.moe_intermediate_size));
  }
  return {};
}

Result<LayerWeights> WeightLoader::LoadLayer(std::int64_t index) const {
  const std::string prefix = LayerPrefix(index);
  LayerWeights layer;
  TRY_ASSIGN(layer.attention, LoadAttention(prefix));
  TRY_ASSIGN(layer.post_attention_norm,
             LoadVector(prefix + "post_attention_layernorm.weight", config_.hidden_size));
  if (config_.IsMoeLayer(index)) {
    TRY(LoadExperts(prefix + "mlp.", layer));
  } else {
    TRY_ASSIGN(layer.dense, LoadFeedForward(prefix + "mlp.", config_.intermediate_size));
  }
  return layer;
}

Result<ModelWeights> WeightLoader::LoadModel() const {
  const std::int64_t d = config_.hidden_size, vocab = config_.vocab_size;
  ModelWeights weights;
  TRY_ASSIGN(weights.embedding, checkpoint_.Require("model.embed_tokens.weight", Shape{vocab, d}));
  for (std::int64_t layer = 0; layer < config_.num_hidden_layers; ++layer) {
    TRY_ASSIGN(LayerWeights loaded, LoadLayer(layer));
    weights.layers.push_back(std::move(loaded));
  }
  TRY_ASSIGN(weights.final_norm, LoadVector("model.norm.weight", d));
  const bool is_tied = config_.tie_word_embeddings && !checkpoint_.Find("lm_head.weight");
  TRY_ASSIGN(weights.head,
             LoadMatrix(is_tied ? "model.embed_tokens.weight" : "lm_head.weight", vocab, d));
  return weights;
}

Result<MtpWeights> WeightLoader::LoadMtp() const {
  if (config_.num_nextn_predict_layers == 0) {
    return Fail(ErrorCode::kUnsupported, "the model has no MTP module");
  }
  const std::int64_t d = config_.hidden_size, vocab = config_.vocab_size;
  const std::string prefix = LayerPrefix(config_.num_hidden_layers);
  MtpWeights weights;
  TRY_ASSIGN(weights.layer, LoadLayer(config_.num_hidden_layers));
  // Checkpoints may leave out what the module shares with the main model.
  const std::string own_embedding = prefix + "embed_tokens.weight";
  TRY_ASSIGN(weights.embedding,
             checkpoint_.Require(
                 checkpoint_.Find(own_embedding) ? own_embedding : "model.embed_tokens.weight",
                 Shape{vocab, d}));
  TRY_ASSIGN(weights.embed_norm, LoadVector(prefix + "enorm.weight", d));
  TRY_ASSIGN(weights.hidden_norm, LoadVector(prefix + "hnorm.weight", d));
  TRY_ASSIGN(weights.project, LoadMatrix(prefix + "eh_proj.weight", d, 2 * d));
  const std::string own_norm = prefix + "shared_head.norm.weight";
  TRY_ASSIGN(weights.final_norm,
             LoadVector(checkpoint_.Find(own_norm) ? own_norm : "model.norm.weight", d));
  if (checkpoint_.Find(prefix + "shared_head.head.weight")) {
    TRY_ASSIGN(weights.head, LoadMatrix(prefix + "shared_head.head.weight", vocab, d));
  }
  return weights;
}

}  // namespace holdfast::model
