#include "model/latent_cache.h"

#include "base/check.h"
#include "kernels/mla_attention.h"

namespace holdfast::model {
namespace {

std::int64_t CachedLayers(const ModelConfig& config) {
  return config.num_hidden_layers + config.num_nextn_predict_layers;
}

}  // namespace

LatentCache::LatentCache(const ModelConfig& config, const LatentCacheOptions& options)
    : block_tokens_(options.block_tokens),
      block_count_(options.block_count),
      width_(kernels::PaddedWidth(config.LatentWidth())),
      data_(
          static_cast<std::size_t>(CachedLayers(config) * block_count_ * block_tokens_ * width_)) {
  CHECK(block_tokens_ > 0 && block_count_ >= 0);
}

std::int64_t LatentCache::BlockBytes(const ModelConfig& config, std::int64_t block_tokens) {
  return CachedLayers(config) * block_tokens * kernels::PaddedWidth(config.LatentWidth()) *
         static_cast<std::int64_t>(sizeof(float));
}

}  // namespace holdfast::model
