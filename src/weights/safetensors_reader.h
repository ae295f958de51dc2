// Reads the header of a safetensors file: 8 bytes of length, JSON, then the tensors' bytes
// (docs/formats/safetensors.md). Checks every field before it is used; the views it makes borrow
// from `file`. Pure function; thread-safe.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "weights/checkpoint.h"

namespace holdfast::weights {

// The tensors in the order of their bytes. Accepts F32, F16, BF16, F8_E4M3, I32 and I64. The ranges
// must be in the file, of the size that dtype and shape give, and cover the data part without hole
// or overlap (so names are unique too). The format promises no alignment: a view may begin between
// elements. Errors: kCorrupt, kTooLarge, kUnsupported; they name `file_name` and the tensor.
[[nodiscard]] Result<std::vector<NamedTensor>> ReadSafetensors(std::span<const std::byte> file,
                                                               std::string_view file_name);

}  // namespace holdfast::weights
