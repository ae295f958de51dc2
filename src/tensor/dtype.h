// Element types of stored tensors. Quantized types hold `BlockElements` values in `BlockBytes`
// bytes; the byte layouts are those of GGUF (docs/formats/quant-blocks.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::tensor {

enum class DType : std::uint8_t {
  kF32,
  kF16,
  kBF16,
  kF8E4M3,  // Hugging Face FP8: values scaled by 128x128 blocks of f32 `weight_scale_inv`.
  kQ8_0,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ4_K,
  kQ5_K,
  kQ6_K,
  kI32,
  kI64,
};

// Values in one block: 1 for plain types, 32 or 256 for quantized ones.
std::size_t BlockElements(DType type);
// Bytes of one block.
std::size_t BlockBytes(DType type);
// Lower-case name as on the command line: "bf16", "q4_k".
std::string_view DTypeName(DType type);
std::optional<DType> ParseDType(std::string_view name);

}  // namespace holdfast::tensor
