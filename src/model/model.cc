#include "model/model.h"

#include <cstring>
#include <limits>
#include <numeric>
#include <optional>
#include <vector>

#include "base/check.h"
#include "kernels/matmul.h"
#include "kernels/quant/quantize.h"
#include "kernels/weight_arena.h"
#include "model/attention.h"
#include "model/batch.h"
#include "model/feed_forward.h"
#include "model/layer_weights.h"
#include "model/operations.h"
#include "model/rope.h"
#include "parallel/float_mode.h"

namespace holdfast::model {
namespace {

using kernels::MatMulJob;

// The one implementation. Letters: D hidden size, V vocabulary.
class DeepSeekModel final : public Model {
 public:
  DeepSeekModel(const weights::Checkpoint& checkpoint, parallel::ThreadPool& pool,
                const LoadOptions& options, ModelConfig config)
      : checkpoint_(checkpoint),
        pool_(pool),
        options_(options),
        config_(std::move(config)),
        rope_(MakeRopeTable(config_)),
        operations_(options.reference_kernels ? kReferenceOperations : kFastOperations),
        attention_(config_, operations_, pool_),
        feed_forward_(config_, operations_, pool_) {}

  Result<void> LoadWeights() {
    TRY_ASSIGN(weights_, Loader().LoadModel());
    return {};
  }

  const ModelConfig& config() const override { return config_; }

  std::size_t MemoryBytes() const override {
    std::size_t bytes = weights_.embedding.Bytes() + weights_.head.bytes();
    for (const LayerWeights& layer : weights_.layers) bytes += model::MemoryBytes(layer);
    return bytes;
  }

  void Forward(std::span<const Slice> slices, LatentCache& cache, float* logits,
               const ForwardOptions& options) override {
    if (slices.empty()) return;
    const parallel::SubnormalsAreZero scope;
    const Batch batch = MakeBatch(slices, config_, rope_, cache, ExpandedRowsMin(options));
    std::vector<std::int32_t> wanted;
    for (std::size_t s = 0; s < slices.size(); ++s) {
      const BatchSlice& rows = batch.slices[s];
      if (slices[s].logits == Slice::Logits::kNone) continue;
      const bool all = slices[s].logits == Slice::Logits::kAll;
      const std::int64_t end = rows.row_begin + rows.row_count;
      for (std::int64_t row = all ? rows.row_begin : end - 1; row < end; ++row) {
        wanted.push_back(static_cast<std::int32_t>(row));
      }
    }
    const float* hidden = RunMainLayers(batch, cache, wanted);
    WriteLogits(hidden, static_cast<std::int64_t>(wanted.size()), weights_.final_norm,
                weights_.head, logits);
  }

  Result<void> ForwardMtp(std::span<const std::int32_t> tokens, float* logits) override {
    CHECK(tokens.size() >= 2);
    const parallel::SubnormalsAreZero scope;
    if (!mtp_) {
      TRY_ASSIGN(mtp_, Loader().LoadMtp());
    }
    constexpr std::int64_t kBlockTokens = 32;
    const auto count = static_cast<std::int64_t>(tokens.size());
    std::vector<BlockId> table((count + kBlockTokens - 1) / kBlockTokens);
    std::iota(table.begin(), table.end(), 0);
    LatentCache cache(config_, {kBlockTokens, static_cast<std::int64_t>(table.size())});
    const Slice slice{tokens, 0, table, Slice::Logits::kAll};
    const Batch batch = MakeBatch({&slice, 1}, config_, rope_, cache, ExpandedRowsMin({}));
    std::vector<std::int32_t> rows(count);
    std::iota(rows.begin(), rows.end(), 0);
    const float* hidden = RunMainLayers(batch, cache, rows);

    const Slice shorter{tokens.first(count - 1), 0, table, Slice::Logits::kAll};
    const Batch mtp_batch = MakeBatch({&shorter, 1}, config_, rope_, cache, ExpandedRowsMin({}));
    float* state = ProjectMtp(tokens, hidden);
    rows.pop_back();
    RunLayer(mtp_->layer, config_.num_hidden_layers, mtp_batch, cache, state, rows);
    const bool has_head = mtp_->head.out() > 0;
    WriteLogits(state, count - 1, mtp_->final_norm, has_head ? mtp_->head : weights_.head, logits);
    return {};
  }

 private:
  WeightLoader Loader() {
    return WeightLoader(checkpoint_, config_,
                        {.reference = options_.reference_kernels, .arena = &arena_}, pool_);
  }

  std::int64_t ExpandedRowsMin(const ForwardOptions& options) const {
    // The absorbed form's arithmetic for a row does not depend on the slice the row came in.
    if (options.deterministic) return std::numeric_limits<std::int64_t>::max();
    return Attention::ExpandedRowsMin(config_);
  }

  float epsilon() const { return static_cast<float>(config_.rms_norm_eps); }

  // Residual states of the wanted rows after the last layer, before the final norm, one after the
  // other: [wanted.size(), D].
  float* RunMainLayers(const Batch& batch, LatentCache& cache,
                       std::span<const std::int32_t> wanted) {
    const std::int64_t d = config_.hidden_size;
    float* state = state_.Get(batch.rows * d);
    ForEachRow(pool_, batch.rows, 4 * d, [&](std::int64_t row) {
      kernels::DequantizeViewRow(weights_.embedding, batch.tokens[row], state + row * d);
    });
    all_rows_.resize(batch.rows);
    std::iota(all_rows_.begin(), all_rows_.end(), 0);
    for (std::size_t layer = 0; layer < weights_.layers.size(); ++layer) {
      const bool is_last = layer + 1 == weights_.layers.size();
      RunLayer(weights_.layers[layer], static_cast<std::int64_t>(layer), batch, cache, state,
               is_last ? wanted : all_rows_);
    }
    return state;
  }

  // Only the wanted rows (rising) go through the feed-forward part: after the last layer nobody
  // reads the others. `state` [batch.rows, D] becomes [wanted.size(), D].
  void RunLayer(const LayerWeights& layer, std::int64_t cache_layer, const Batch& batch,
                LatentCache& cache, float* state, std::span<const std::int32_t> wanted) {
    const std::int64_t d = config_.hidden_size;
    float* normed = normed_.Get(batch.rows * d);
    float* output = attention_out_.Get(batch.rows * d);
    ForEachRow(pool_, batch.rows, 4 * d, [&](std::int64_t row) {
      operations_.rms_norm(state + row * d, layer.attention.input_norm.data(), epsilon(), d,
                           normed + row * d);
    });
    attention_.Run(layer.attention, cache_layer, batch, normed, cache, output);
    const auto rows = static_cast<std::int64_t>(wanted.size());
    if (rows < batch.rows) {
      for (std::int64_t i = 0; i < rows; ++i) {
        std::memmove(state + i * d, state + wanted[i] * d, d * sizeof(float));
        std::memmove(output + i * d, output + wanted[i] * d, d * sizeof(float));
      }
    }
    ForEachRow(pool_, rows, 6 * d, [&](std::int64_t row) {
      operations_.add_rms_norm(state + row * d, output + row * d, layer.post_attention_norm.data(),
                               epsilon(), d, normed + row * d);
    });
    if (rows > 0) feed_forward_.Run(layer, rows, normed, state);
  }

  // eh_proj of [enorm(embedding of token i + 1) | hnorm(final-normed state i)], for all i but the
  // last. The released weights take the embedding first, whatever the report's equation says; the
  // state goes in after the final norm.
  float* ProjectMtp(std::span<const std::int32_t> tokens, const float* hidden) {
    const std::int64_t d = config_.hidden_size;
    const auto rows = static_cast<std::int64_t>(tokens.size()) - 1;
    float* joined = normed_.Get(rows * 2 * d);
    ForEachRow(pool_, rows, 16 * d, [&](std::int64_t row) {
      float* embedding = joined + row * 2 * d;
      float* state = embedding + d;
      kernels::DequantizeViewRow(mtp_->embedding, tokens[row + 1], embedding);
      operations_.rms_norm(embedding, mtp_->embed_norm.data(), epsilon(), d, embedding);
      operations_.rms_norm(hidden + row * d, weights_.final_norm.data(), epsilon(), d, state);
      operations_.rms_norm(state, mtp_->hidden_norm.data(), epsilon(), d, state);
    });
    float* projected = mtp_state_.Get(rows * d);
    const MatMulJob job{&mtp_->project, joined, 2 * d, projected, d, rows};
    kernels::MatMul({&job, 1}, pool_);
    return projected;
  }

  // `state` [rows, D] before the final norm.
  void WriteLogits(const float* state, std::int64_t rows, const std::vector<float>& norm,
                   const kernels::PackedMatrix& head, float* logits) {
    if (rows == 0) return;
    const std::int64_t d = config_.hidden_size;
    float* normed = normed_.Get(rows * d);
    ForEachRow(pool_, rows, 4 * d, [&](std::int64_t row) {
      operations_.rms_norm(state + row * d, norm.data(), epsilon(), d, normed + row * d);
    });
    const MatMulJob job{&head, normed, d, logits, config_.vocab_size, rows};
    kernels::MatMul({&job, 1}, pool_);
  }

  const weights::Checkpoint& checkpoint_;
  parallel::ThreadPool& pool_;
  const LoadOptions options_;
  const ModelConfig config_;
  const kernels::RopeTable rope_;
  const Operations& operations_;
  kernels::WeightArena arena_;  // Holds the packed matrices of the weights below.
  ModelWeights weights_;
  std::optional<MtpWeights> mtp_;  // Loaded at the first ForwardMtp.
  Attention attention_;
  FeedForward feed_forward_;
  Scratch<float> state_, normed_, attention_out_, mtp_state_;  // [rows, D]
  std::vector<std::int32_t> all_rows_;                         // 0, 1, ...
};

}  // namespace

Result<std::unique_ptr<Model>> Model::Load(const weights::Checkpoint& checkpoint,
                                           parallel::ThreadPool& pool, const LoadOptions& options) {
  TRY_ASSIGN(ModelConfig config, ParseModelConfig(checkpoint.config()));
  auto model = std::make_unique<DeepSeekModel>(checkpoint, pool, options, std::move(config));
  TRY(model->LoadWeights());
  return std::unique_ptr<Model>(std::move(model));
}

}  // namespace holdfast::model
