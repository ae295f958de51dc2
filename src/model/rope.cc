#include "model/rope.h"

#include <cmath>

namespace holdfast::model {

kernels::RopeTable MakeRopeTable(const ModelConfig& config) {
  if (!config.rope_scaling) {
    return kernels::MakeRopeTable(config.qk_rope_head_dim, config.rope_theta, nullptr);
  }
  const YarnConfig& scaling = *config.rope_scaling;
  const kernels::YarnOptions yarn{
      scaling.factor,    static_cast<double>(scaling.original_max_position_embeddings),
      scaling.beta_fast, scaling.beta_slow,
      scaling.mscale,    scaling.mscale_all_dim};
  return kernels::MakeRopeTable(config.qk_rope_head_dim, config.rope_theta, &yarn);
}

double AttentionScale(const ModelConfig& config) {
  return MakeRopeTable(config).softmax_scale_factor /
         std::sqrt(static_cast<double>(config.QkHeadDim()));
}

}  // namespace holdfast::model
