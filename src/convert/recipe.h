// Which type each tensor gets when a model is converted (docs/formats/convert.md has the table and
// its reasons). Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "tensor/tensor_view.h"

namespace holdfast::convert {

enum class Format : std::uint8_t { kGguf, kSafetensors };

struct TensorFacts {
  std::string_view name;  // Hugging Face's; for merged experts that of the first.
  tensor::DType stored = tensor::DType::kF32;
  int rank = 2;
  std::int64_t cols = 1;
  std::int64_t layer = -1;  // -1: outside the layers.
  std::int64_t layer_count = 0;
  bool is_output = false;  // The output projection, or an embedding that is also the output.
};

// `wanted`: the type asked for; nullopt keeps stored types as far as `format` has them.
tensor::DType ChooseDType(const TensorFacts& facts, std::optional<tensor::DType> wanted,
                          Format format);

// llama.cpp's number for general.file_type of a file converted to `wanted`.
std::uint32_t GgufFileType(tensor::DType wanted);

}  // namespace holdfast::convert
