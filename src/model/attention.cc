#include "model/attention.h"

#include <algorithm>

#include "kernels/matmul.h"
#include "model/rope.h"

namespace holdfast::model {
namespace {

using kernels::MatMulJob;

// Rows of one absorbed pass; bounds the buffer of absorbed queries (128 heads: 38 MB).
constexpr std::int64_t kAbsorbedRowsMax = 128;

}  // namespace

Attention::Attention(const ModelConfig& config, const Operations& operations,
                     parallel::ThreadPool& pool)
    : config_(config),
      operations_(operations),
      pool_(pool),
      heads_(config.num_attention_heads),
      nope_(config.qk_nope_head_dim),
      rope_(config.qk_rope_head_dim),
      v_(config.v_head_dim),
      rank_(config.kv_lora_rank),
      padded_rank_(kernels::PaddedWidth(config.kv_lora_rank)),
      padded_width_(kernels::PaddedWidth(config.LatentWidth())),
      scale_(static_cast<float>(AttentionScale(config))),
      worker_scratch_(pool.worker_count()) {}

// Per head and cached key, the expanded form costs (nope + v) * R multiplications once and
// nope + rope + v for each row; the absorbed form 2 R + rope for each row. Equal counts would be at
// twice this many rows, but the up-projection is a matrix product, which runs at two to three times
// the rate of the attention loops. 86 rows for the published shapes.
std::int64_t Attention::ExpandedRowsMin(const ModelConfig& config) {
  const std::int64_t up = config.qk_nope_head_dim + config.v_head_dim;
  const std::int64_t saved = 2 * config.kv_lora_rank - up;
  if (saved <= 0) return 1;
  return up * config.kv_lora_rank / saved / 2 + 1;
}

void Attention::Run(const AttentionWeights& weights, std::int64_t cache_layer, const Batch& batch,
                    const float* x, LatentCache& cache, float* y) {
  Project(weights, batch, x);
  WriteCache(weights, cache_layer, batch, cache);
  output_.Get(batch.rows * heads_ * v_);
  std::size_t s = 0;
  while (s < batch.slices.size()) {
    if (batch.slices[s].is_expanded) {
      RunExpanded(weights, cache_layer, batch, batch.slices[s], cache);
      ++s;
      continue;
    }
    const std::int64_t row_begin = batch.slices[s].row_begin;
    std::int64_t row_end = row_begin;
    for (; s < batch.slices.size() && !batch.slices[s].is_expanded; ++s) {
      row_end += batch.slices[s].row_count;
    }
    for (std::int64_t row = row_begin; row < row_end; row += kAbsorbedRowsMax) {
      RunAbsorbed(weights, cache_layer, batch, row, std::min(kAbsorbedRowsMax, row_end - row),
                  cache);
    }
  }
  const MatMulJob job{&weights.o, output_.Get(0), heads_ * v_, y, config_.hidden_size, batch.rows};
  kernels::MatMul({&job, 1}, pool_);
}

void Attention::Project(const AttentionWeights& weights, const Batch& batch, const float* x) {
  const std::int64_t d = config_.hidden_size, rows = batch.rows;
  const std::int64_t q_width = heads_ * config_.QkHeadDim(), low = config_.q_lora_rank;
  float* q = q_.Get(rows * q_width);
  const MatMulJob kv_job{&weights.kv_a, x,   d, kv_a_.Get(rows * (rank_ + rope_)),
                         rank_ + rope_, rows};
  if (low == 0) {
    const MatMulJob jobs[] = {{&weights.q, x, d, q, q_width, rows}, kv_job};
    kernels::MatMul(jobs, pool_);
    return;
  }
  float* q_low = q_low_.Get(rows * low);
  const MatMulJob jobs[] = {{&weights.q_a, x, d, q_low, low, rows}, kv_job};
  kernels::MatMul(jobs, pool_);
  ForEachRow(pool_, rows, 4 * low, [&](std::int64_t row) {
    operations_.rms_norm(q_low + row * low, weights.q_a_norm.data(),
                         static_cast<float>(config_.rms_norm_eps), low, q_low + row * low);
  });
  const MatMulJob up{&weights.q, q_low, low, q, q_width, rows};
  kernels::MatMul({&up, 1}, pool_);
}

void Attention::WriteCache(const AttentionWeights& weights, std::int64_t cache_layer,
                           const Batch& batch, LatentCache& cache) {
  const std::int64_t qk = nope_ + rope_, pairs = rope_ / 2;
  float* q = q_.Get(0);
  const float* kv_a = kv_a_.Get(0);
  ForEachRow(pool_, batch.rows, 6 * rank_ + heads_ * rope_ * 4, [&](std::int64_t row) {
    const float* cos = batch.cos.data() + row * pairs;
    const float* sin = batch.sin.data() + row * pairs;
    const std::int64_t position = batch.positions[row];
    const BlockId block =
        batch.slices[batch.slice_of[row]].block_table[position / cache.block_tokens()];
    float* entry = cache.Entry(cache_layer, block, position % cache.block_tokens());
    const float* latent = kv_a + row * (rank_ + rope_);
    operations_.rms_norm(latent, weights.kv_a_norm.data(), static_cast<float>(config_.rms_norm_eps),
                         rank_, entry);
    operations_.rope(latent + rank_, cos, sin, rope_, entry + rank_);
    for (std::int64_t head = 0; head < heads_; ++head) {
      float* q_rope = q + (row * heads_ + head) * qk + nope_;
      operations_.rope(q_rope, cos, sin, rope_, q_rope);
    }
  });
}

}  // namespace holdfast::model
