// Attention: multi-head latent attention of one layer over a batch (DeepSeek-V3 report, section
// 2.1.1). Writes the batch's latents into the cache, then attends to all of each sequence's.
// One object a model, used by the thread that runs Model::Forward.
#pragma once

#include <cstdint>
#include <vector>

#include "model/batch.h"
#include "model/config.h"
#include "model/latent_cache.h"
#include "model/layer_weights.h"
#include "model/operations.h"
#include "parallel/thread_pool.h"

namespace holdfast::model {

class Attention {
 public:
  Attention(const ModelConfig& config, const Operations& operations, parallel::ThreadPool& pool);

  // From how many rows on a slice's expanded form is faster than the absorbed one.
  static std::int64_t ExpandedRowsMin(const ModelConfig& config);

  // x [rows, D] normed input, y [rows, D] output. `cache_layer` is the layer's place in the cache.
  void Run(const AttentionWeights& weights, std::int64_t cache_layer, const Batch& batch,
           const float* x, LatentCache& cache, float* y);

 private:
  struct AbsorbedTask;
  void Project(const AttentionWeights& weights, const Batch& batch, const float* x);
  void WriteCache(const AttentionWeights& weights, std::int64_t cache_layer, const Batch& batch,
                  LatentCache& cache);
  // Rows [row_begin, row_begin + row_count) of the batch, all of absorbed slices.
  void RunAbsorbed(const AttentionWeights& weights, std::int64_t cache_layer, const Batch& batch,
                   std::int64_t row_begin, std::int64_t row_count, const LatentCache& cache);
  std::vector<AbsorbedTask> SplitAbsorbed(const Batch& batch, std::int64_t row_begin,
                                          std::int64_t row_count, std::int64_t& partial_rows) const;
  void RunAbsorbedTask(const AbsorbedTask& task, std::int64_t cache_layer, const LatentCache& cache,
                       int worker);
  void MergeSpans(std::span<const AbsorbedTask> tasks);
  void RunExpanded(const AttentionWeights& weights, std::int64_t cache_layer, const Batch& batch,
                   const BatchSlice& slice, const LatentCache& cache);

  const ModelConfig& config_;
  const Operations& operations_;
  parallel::ThreadPool& pool_;
  std::int64_t heads_, nope_, rope_, v_, rank_, padded_rank_, padded_width_;
  float scale_;

  Scratch<float> q_low_, q_, kv_a_, output_;       // Projections; [rows, ...].
  Scratch<float> absorbed_q_, absorbed_out_;       // [group rows, H, padded]
  Scratch<float> max_, sum_;                       // [group rows, H], or [H, slice rows]
  Scratch<std::int32_t> visible_;                  // [group rows, H]
  std::vector<Scratch<float>> worker_scratch_;     // One a worker.
  Scratch<float> span_out_, span_max_, span_sum_;  // Partial results of spans run in parallel.
  Scratch<float> keys_, values_;                   // [range, H, nope], [range, H, v]
};

}  // namespace holdfast::model
