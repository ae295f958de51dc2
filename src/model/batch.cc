#include "model/batch.h"

#include "base/check.h"

namespace holdfast::model {

Batch MakeBatch(std::span<const Slice> slices, const ModelConfig& config,
                const kernels::RopeTable& rope, const LatentCache& cache,
                std::int64_t expanded_rows_min) {
  Batch batch;
  for (const Slice& slice : slices) {
    const auto count = static_cast<std::int64_t>(slice.tokens.size());
    const std::int64_t end = slice.start + count;
    CHECK(count > 0 && slice.start >= 0);
    CHECK_MSG(end <= config.max_position_embeddings, "slice ends at {}, over the model's {}", end,
              config.max_position_embeddings);
    CHECK(static_cast<std::int64_t>(slice.block_table.size()) * cache.block_tokens() >= end);
    for (const BlockId block : slice.block_table) {
      CHECK(block >= 0 && block < cache.block_count());
    }
    for (std::int64_t i = 0; i < count; ++i) {
      CHECK(slice.tokens[i] >= 0 && slice.tokens[i] < config.vocab_size);
      batch.tokens.push_back(slice.tokens[i]);
      batch.positions.push_back(static_cast<std::int32_t>(slice.start + i));
      batch.slice_of.push_back(static_cast<std::int32_t>(batch.slices.size()));
    }
    batch.slices.push_back(
        {batch.rows, count, slice.start, slice.block_table, count >= expanded_rows_min});
    batch.rows += count;
  }
  const std::int64_t pairs = config.qk_rope_head_dim / 2;
  batch.cos.resize(batch.rows * pairs);
  batch.sin.resize(batch.rows * pairs);
  for (std::int64_t row = 0; row < batch.rows; ++row) {
    kernels::RopeAngles(rope, batch.positions[row], batch.cos.data() + row * pairs,
                        batch.sin.data() + row * pairs);
  }
  return batch;
}

}  // namespace holdfast::model
