// The rows of an output tensor, made of stored ones: dequantized, cut or joined, then encoded in
// the target's type. Pure functions; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "convert/plan.h"

namespace holdfast::convert {

// A run of rows that is worked on at a time, of about a megabyte of f32: whole heads of a split or
// joined matrix, whole rows of scale blocks for FP8.
std::int64_t ChunkRows(const OutputTensor& output);

// Encoded bytes of rows [first, first + count); first is a multiple of ChunkRows. Errors: kCorrupt
// (a value that is not finite), kOutOfRange (a value too large for F16); they name the tensor.
[[nodiscard]] Result<std::vector<std::byte>> EncodeRows(const OutputTensor& output,
                                                        std::int64_t first, std::int64_t count);

}  // namespace holdfast::convert
