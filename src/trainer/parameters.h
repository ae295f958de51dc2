// ParameterLayout: where every weight of a model lies in one flat array, so that gradients, moments
// and checkpoints are flat arrays of the same layout. Names are Hugging Face's, shapes [out, in].
// Immutable after Make, thread-safe.
//
// Matrices that multiply the same input lie next to each other (query and latent projections; gate
// and up), so one product serves both; each keeps its own name and is optimised on its own.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/config.h"

namespace holdfast::trainer {

enum class ParameterKind : std::uint8_t { kMatrix, kNorm, kEmbedding, kHead, kRouter };

struct Parameter {
  std::string name;
  std::int64_t rows = 0;
  std::int64_t cols = 0;  // 0 for a vector of `rows` numbers.
  std::int64_t offset = 0;
  ParameterKind kind = ParameterKind::kMatrix;
  bool is_mtp = false;

  std::int64_t Count() const { return cols == 0 ? rows : rows * cols; }
};

// A gated FFN of inner width I; 0: none.
struct MlpOffsets {
  std::int64_t inner = 0;
  std::int64_t gate_up = 0;  // [2 * I, D]
  std::int64_t down = 0;     // [D, I]
};

// Offsets of one block's weights. Ranges of the config's letters: D hidden, H heads, R latent rank,
// Q query rank, E experts.
struct BlockOffsets {
  bool is_moe = false;
  std::int64_t attention_norm = 0;  // [D]
  std::int64_t in_proj = 0;         // [H * qk or Q, then R + rope; D]
  std::int64_t q_norm = -1;         // [Q]; -1 without query compression.
  std::int64_t q_b = -1;            // [H * qk, Q]
  std::int64_t kv_norm = 0;         // [R]
  std::int64_t kv_b = 0;            // [H * (nope + v), R]
  std::int64_t o_proj = 0;          // [D, H * v]
  std::int64_t ffn_norm = 0;        // [D]
  MlpOffsets mlp;                   // The dense FFN, or the shared experts as one.
  std::int64_t router = -1;         // [E, D]
  std::int64_t moe_index = -1;  // Which MoE block this is, counting from 0: row of the router bias.
  std::vector<MlpOffsets> experts;
};

struct MtpOffsets {
  std::int64_t embedding_norm = 0;  // [D]
  std::int64_t hidden_norm = 0;     // [D]
  std::int64_t eh_proj = 0;         // [D, 2 * D] over (embedding, hidden).
  std::int64_t head_norm = 0;       // [D]
};

class ParameterLayout {
 public:
  // Errors: kUnsupported (tied embeddings, more than one MTP module).
  [[nodiscard]] static Result<ParameterLayout> Make(const model::ModelConfig& config);

  const model::ModelConfig& config() const { return config_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  std::int64_t count() const { return count_; }  // Length of the flat array.
  // Blocks of the trunk, then the MTP module's.
  const std::vector<BlockOffsets>& blocks() const { return blocks_; }
  std::int64_t embedding() const { return embedding_; }
  std::int64_t final_norm() const { return final_norm_; }
  std::int64_t head() const { return head_; }
  bool has_mtp() const { return has_mtp_; }
  const MtpOffsets& mtp() const { return mtp_; }
  // The flat range that holds the MTP module's own weights and nothing else.
  std::int64_t mtp_begin() const { return mtp_begin_; }
  std::int64_t moe_blocks() const { return moe_blocks_; }
  std::int64_t router_bias_count() const { return moe_blocks_ * config_.n_routed_experts; }

  // Weights multiplied per token, head included and embedding look-up not.
  std::int64_t ActiveMatmulParameters(bool with_mtp) const;
  // Training FLOPs a token at this sequence length: 6 per active weight, and causal attention.
  double FlopsPerToken(std::int64_t seq_len, bool with_mtp) const;

  // Normal with `deviation` for matrices (output projections scaled by 1 / sqrt(2 * layers)), ones
  // for norms. The same seed gives the same weights everywhere.
  void Initialise(std::uint64_t seed, double deviation, std::span<float> weights) const;

 private:
  std::int64_t Add(std::string name, std::int64_t rows, std::int64_t cols, ParameterKind kind);
  void AddBlock(std::int64_t layer);
  MlpOffsets AddMlp(const std::string& prefix, std::int64_t inner);

  model::ModelConfig config_;
  std::vector<Parameter> parameters_;
  std::vector<BlockOffsets> blocks_;
  std::int64_t count_ = 0;
  std::int64_t embedding_ = 0;
  std::int64_t final_norm_ = 0;
  std::int64_t head_ = 0;
  bool has_mtp_ = false;
  MtpOffsets mtp_;
  std::int64_t mtp_begin_ = 0;
  std::int64_t moe_blocks_ = 0;
};

}  // namespace holdfast::trainer
