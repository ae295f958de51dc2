// The scale searches of the k-quant formats: one super-block of 256 f32 values to its bytes.
// Used by QuantizeRow. Pure functions; thread-safe.
#pragma once

#include "kernels/quant/blocks.h"

namespace holdfast::kernels {

BlockQ4_K ToQ4_K(const float* x);
BlockQ5_K ToQ5_K(const float* x);
BlockQ6_K ToQ6_K(const float* x);

}  // namespace holdfast::kernels
