// What a configuration says of positions: the rotary table and the softmax scale, YaRN included.
// Serving and training take both from here. Free functions; thread-safe.
#pragma once

#include "kernels/rope.h"
#include "model/config.h"

namespace holdfast::model {

// Frequencies [qk_rope_head_dim / 2] with their amplitude and softmax factor.
kernels::RopeTable MakeRopeTable(const ModelConfig& config);

// What attention multiplies its scores with: 1 / sqrt(head dim), times YaRN's factor.
double AttentionScale(const ModelConfig& config);

}  // namespace holdfast::model
