// The expanded form: a range of cached latents at a time is multiplied up to keys and values of
// every head, and all rows of the slice attend to it; running softmax states carry over ranges.
#include <algorithm>
#include <limits>

#include "kernels/matmul.h"
#include "model/attention.h"

namespace holdfast::model {
namespace {

using kernels::MatMulJob;

// Keys expanded at a time; bounds the buffers (128 heads: 67 MB).
constexpr std::int64_t kRangeKeys = 512;
// Query rows of a task; a tile of transposed keys is used by all of them.
constexpr std::int64_t kTaskRows = 128;

}  // namespace

void Attention::RunExpanded(const AttentionWeights& weights, std::int64_t cache_layer, const Batch&,
                            const BatchSlice& slice, const LatentCache& cache) {
  const std::int64_t qk = nope_ + rope_, rows = slice.row_count;
  const float* q = q_.Get(0) + slice.row_begin * heads_ * qk;
  float* output = output_.Get(0) + slice.row_begin * heads_ * v_;
  float* max = max_.Get(heads_ * rows);
  float* sum = sum_.Get(heads_ * rows);
  std::fill_n(max, heads_ * rows, -std::numeric_limits<float>::infinity());
  std::fill_n(sum, heads_ * rows, 0.0f);
  std::fill_n(output, rows * heads_ * v_, 0.0f);

  const float* base = cache.Entry(cache_layer, 0, 0);
  std::vector<std::int32_t> key_rows(kRangeKeys);
  std::vector<const float*> rope_keys(kRangeKeys);
  std::vector<MatMulJob> jobs(2 * heads_);
  const std::int64_t row_blocks = (rows + kTaskRows - 1) / kTaskRows;
  for (std::int64_t begin = 0; begin < slice.End(); begin += kRangeKeys) {
    const std::int64_t end = std::min(begin + kRangeKeys, slice.End());
    const std::int64_t count = end - begin;
    for (std::int64_t p = begin; p < end; ++p) {
      const BlockId block = slice.block_table[p / cache.block_tokens()];
      const std::int64_t row = block * cache.block_tokens() + p % cache.block_tokens();
      key_rows[p - begin] = static_cast<std::int32_t>(row);
      rope_keys[p - begin] = base + row * cache.width() + rank_;
    }
    float* keys = keys_.Get(kRangeKeys * heads_ * nope_);
    float* values = values_.Get(kRangeKeys * heads_ * v_);
    for (std::int64_t head = 0; head < heads_; ++head) {
      jobs[2 * head] = {&weights.k_up[head], base,  cache.width(),  keys + head * nope_,
                        heads_ * nope_,      count, key_rows.data()};
      jobs[2 * head + 1] = {&weights.v_up[head], base,  cache.width(),  values + head * v_,
                            heads_ * v_,         count, key_rows.data()};
    }
    kernels::MatMul(jobs, pool_);

    pool_.Run(heads_ * row_blocks, [&](std::int64_t task, int) {
      const std::int64_t head = task / row_blocks;
      const std::int64_t first = task % row_blocks * kTaskRows;
      const std::int64_t task_rows = std::min(kTaskRows, rows - first);
      if (slice.start + first + task_rows <= begin) return;  // All before this range.
      operations_.expanded_attention_range({.query = q + (first * heads_ + head) * qk,
                                            .query_stride = heads_ * qk,
                                            .rows = task_rows,
                                            .first_position = slice.start + first,
                                            .key = keys + head * nope_,
                                            .key_stride = heads_ * nope_,
                                            .rope_key = rope_keys.data(),
                                            .value = values + head * v_,
                                            .value_stride = heads_ * v_,
                                            .key_begin = begin,
                                            .key_end = end,
                                            .nope_dim = nope_,
                                            .rope_dim = rope_,
                                            .value_dim = v_,
                                            .scale = scale_},
                                           {output + (first * heads_ + head) * v_, heads_ * v_,
                                            max + head * rows + first, sum + head * rows + first});
    });
  }
  pool_.Run(heads_, [&](std::int64_t head, int) {
    operations_.finish_attention(
        {output + head * v_, heads_ * v_, max + head * rows, sum + head * rows}, rows, v_);
  });
}

}  // namespace holdfast::model
