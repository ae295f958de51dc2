// Rows of stored values to f32 and back: the plain, portable reference of every block format
// (layouts in docs/formats/quant-blocks.md). Dequantizing is bit-exact by definition of the
// formats; quantizing searches scales for the least squared error and is deterministic.
// Pure functions; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tensor/tensor_view.h"

namespace holdfast::kernels {

// `count` values of `dtype` at `source` to `target`; `count` is a multiple of the dtype's block.
// F8 E4M3 gives the stored values, without block scales. Not for I32 and I64.
void DequantizeRow(tensor::DType dtype, const std::byte* source, float* target, std::int64_t count);

// The inverse; every value must be finite (IsFinite below), else the result is unspecified values.
// Where a value, or the scale or minimum of a block, is too large for the type, that becomes
// infinite and nothing is clipped: the row read back has a value that is not finite. Only F8 E4M3,
// whose caller chooses the scale, saturates.
void QuantizeRow(tensor::DType dtype, const float* source, std::byte* target, std::int64_t count);

// Row `row` of a matrix view, with the block scales of F8 E4M3 applied. `target`: [view.Cols()].
void DequantizeViewRow(const tensor::TensorView& view, std::int64_t row, float* target);

bool IsFinite(std::span<const float> values);

}  // namespace holdfast::kernels
