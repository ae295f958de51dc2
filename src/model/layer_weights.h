// The weights of one block and of the whole model, packed for the kernels. Loaded once, immutable
// afterwards. Packed matrices may point into the checkpoint, which must outlive them.
// Letters: D hidden size, H heads, R kv_lora_rank, E routed experts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernels/matmul.h"
#include "model/config.h"
#include "parallel/thread_pool.h"
#include "tensor/aligned_buffer.h"
#include "weights/checkpoint.h"

namespace holdfast::model {

struct AttentionWeights {
  std::vector<float> input_norm;  // [D]
  kernels::PackedMatrix q;        // [H * QkHeadDim, D], or of q_lora_rank columns
  kernels::PackedMatrix q_a;      // [q_lora_rank, D]; empty when queries are not compressed
  std::vector<float> q_a_norm;    // [q_lora_rank]
  kernels::PackedMatrix kv_a;     // [R + qk_rope_head_dim, D]
  std::vector<float> kv_a_norm;   // [R]
  kernels::PackedMatrix o;        // [D, H * v_head_dim]
  // Per head, for the absorbed form: query up into latent space [R, nope].
  std::vector<kernels::PackedMatrix> k_absorb;
  // Per head: latents up to keys [nope, R] (expanded form) and to values [v, R] (both forms).
  std::vector<kernels::PackedMatrix> k_up;
  std::vector<kernels::PackedMatrix> v_up;
  // Transposed copies that k_absorb or k_up point into.
  std::vector<tensor::AlignedBuffer<std::byte>> owned;
};

struct FeedForwardWeights {
  kernels::PackedMatrix gate;  // [inner, D]
  kernels::PackedMatrix up;    // [inner, D]
  kernels::PackedMatrix down;  // [D, inner]
};

struct LayerWeights {
  AttentionWeights attention;
  std::vector<float> post_attention_norm;  // [D]
  // Dense layer: `dense` alone. MoE layer: the rest; `dense` is then the shared experts, which are
  // one unit of width n_shared_experts * moe_intermediate_size, and empty when there are none.
  FeedForwardWeights dense;
  bool is_moe = false;
  kernels::PackedMatrix router;  // [E, D], always f32
  tensor::AlignedBuffer<float> router_values;
  std::vector<float> router_bias;  // [E]; empty unless topk_method is noaux_tc
  std::vector<FeedForwardWeights> experts;
};

struct MtpWeights {
  LayerWeights layer;
  tensor::TensorView embedding;    // [vocab, D]
  std::vector<float> embed_norm;   // [D] (enorm)
  std::vector<float> hidden_norm;  // [D] (hnorm)
  kernels::PackedMatrix project;   // [D, 2 D] (eh_proj)
  std::vector<float> final_norm;   // [D]
  kernels::PackedMatrix head;      // [vocab, D]; empty: the main model's head
};

struct ModelWeights {
  tensor::TensorView embedding;  // [vocab, D], as stored
  std::vector<LayerWeights> layers;
  std::vector<float> final_norm;  // [D]
  kernels::PackedMatrix head;     // [vocab, D]
};

// Reads and packs tensors of one checkpoint. Errors name the tensor.
class WeightLoader {
 public:
  WeightLoader(const weights::Checkpoint& checkpoint, const ModelConfig& config,
               const kernels::PackOptions& options, parallel::ThreadPool& pool)
      : checkpoint_(checkpoint), config_(config), options_(options), pool_(pool) {}

  [[nodiscard]] Result<ModelWeights> LoadModel() const;
  // The first MTP module. kUnsupported when the checkpoint has none.
  [[nodiscard]] Result<MtpWeights> LoadMtp() const;

 private:
  Result<LayerWeights> LoadLayer(std::int64_t layer) const;
  Result<AttentionWeights> LoadAttention(const std::string& prefix) const;
  Result<void> LoadKeyValueUp(const std::string& prefix, AttentionWeights& weights) const;
  Result<void> LoadFusedKeyValueUp(const std::string& name, AttentionWeights& weights) const;
  Result<void> LoadExperts(const std::string& prefix, LayerWeights& layer) const;
  Result<FeedForwardWeights> LoadFeedForward(const std::string& prefix, std::int64_t inner) const;

  Result<kernels::PackedMatrix> LoadMatrix(const std::string& name, std::int64_t out,
                                           std::int64_t in) const;
  Result<kernels::PackedMatrix> PackRows(const std::string& name, const tensor::TensorView& view,
                                         std::int64_t row, std::int64_t rows,
                                         AttentionWeights& owner) const;
  Result<kernels::PackedMatrix> PackTransposed(const std::string& name,
                                               const tensor::TensorView& view, std::int64_t row,
                                               std::int64_t rows, AttentionWeights& owner) const;
  Result<std::vector<float>> LoadVector(const std::string& name, std::int64_t count) const;
  Result<kernels::PackedMatrix> Pack(const std::string& name, const tensor::TensorView& view) const;

  const weights::Checkpoint& checkpoint_;
  const ModelConfig& config_;
  kernels::PackOptions options_;
  parallel::ThreadPool& pool_;
};

// Memory read by one full pass over the matrices, the owned copies included.
std::size_t MemoryBytes(const LayerWeights& layer);

}  // namespace holdfast::model
