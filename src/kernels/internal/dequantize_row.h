// Stored weights as f32, value by value and without SIMD: what the reference products compute with
// and what packing reads. Pure functions, thread-safe.
#pragma once

#include <cstdint>

#include "tensor/tensor_view.h"

namespace holdfast::kernels::internal {

// Bit patterns of IEEE half, bfloat16 and FP8 E4M3 (no infinities; 0x7f is NaN) as f32.
float FloatFromHalf(std::uint16_t bits);
float FloatFromBFloat16(std::uint16_t bits);
float FloatFromE4M3(std::uint8_t bits);

// True for the types DequantizeRow takes.
bool IsDequantizable(tensor::DType type);

// values[0..Cols()) = row `row` of `weight`.
void DequantizeRow(const tensor::TensorView& weight, std::int64_t row, float* values);

}  // namespace holdfast::kernels::internal
