// Reads the header of a GGUF file, version 2 or 3, little-endian (docs/formats/gguf.md). Checks
// every field before it is used; the views it makes borrow from `file`. Knows nothing of any
// architecture. Pure function; thread-safe.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "weights/checkpoint.h"
#include "weights/gguf_format.h"

namespace holdfast::weights {

struct GgufContents {
  GgufMetadata metadata;
  std::vector<NamedTensor> tensors;  // The file's order and names; shapes slowest dimension first.
};

// Errors: kCorrupt, kTooLarge (a limit of limits.h), kUnsupported (version, tensor type); they name
// `file_name` and the key or tensor.
[[nodiscard]] Result<GgufContents> ReadGguf(std::span<const std::byte> file,
                                            std::string_view file_name);

}  // namespace holdfast::weights
