// LatentCache: the memory of MLA's paged cache. A block holds `block_tokens` consecutive positions
// of one sequence for every layer; one entry is kv_lora_rank + qk_rope_head_dim numbers (the normed
// latent and the rotated shared key; DeepSeek-V3 report, section 2.1.1). Who owns which block is
// the engine's business (engine/block_pool.h); this class only stores.
// Thread-compatible: written by the thread that runs Model::Forward.
#pragma once

#include <cstdint>

#include "model/config.h"
#include "tensor/aligned_buffer.h"

namespace holdfast::model {

using BlockId = std::int32_t;

struct LatentCacheOptions {
  std::int64_t block_tokens = 32;
  std::int64_t block_count = 0;
};

class LatentCache {
 public:
  LatentCache(const ModelConfig& config, const LatentCacheOptions& options);

  // Entry of `position_in_block` of `block` in `layer`: [width()], f32, rows of one block
  // contiguous; numbers past LatentWidth() are zero. Layers 0..num_hidden_layers-1, then the MTP
  // modules.
  float* Entry(std::int64_t layer, BlockId block, std::int64_t position_in_block) {
    return data_.data() +
           ((layer * block_count_ + block) * block_tokens_ + position_in_block) * width_;
  }
  const float* Entry(std::int64_t layer, BlockId block, std::int64_t position_in_block) const {
    return const_cast<LatentCache*>(this)->Entry(layer, block, position_in_block);
  }

  std::int64_t block_tokens() const { return block_tokens_; }
  std::int64_t block_count() const { return block_count_; }
  // LatentWidth() rounded up to whole vectors.
  std::int64_t width() const { return width_; }
  // Bytes one block takes over all layers.
  static std::int64_t BlockBytes(const ModelConfig& config, std::int64_t block_tokens);

 private:
  std::int64_t block_tokens_;
  std::int64_t block_count_;
  std::int64_t width_;
  tensor::AlignedBuffer<float> data_;
};

}  // namespace holdfast::model
