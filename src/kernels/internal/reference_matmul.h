// The plain twin of every product: weights dequantized row by row, activations in f32, one loop.
// Thread-safe (distinct y).
#pragma once

#include <cstdint>

#include "kernels/matmul.h"

namespace holdfast::kernels::internal {

// Computes outputs [out_begin, out_end) of every row of the job's x.
void ReferenceMatMul(const MatMulJob& job, std::int64_t out_begin, std::int64_t out_end);

}  // namespace holdfast::kernels::internal
