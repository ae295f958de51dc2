// What a target says, compared with what was meant: the configuration key by key, and the logits
// of a short text. Tensors are compared by convert.cc as it reads them. Thread-compatible.
#pragma once

#include <string_view>

#include "base/result.h"
#include "model/config.h"
#include "parallel/thread_pool.h"
#include "weights/checkpoint.h"

namespace holdfast::convert {

// Larger models than this are not loaded twice to compare logits.
inline constexpr std::uint64_t kLogitsBytesMax = std::uint64_t{1} << 30;

// True if both describe the same computation; token ids are the tokenizer's matter. Errors:
// kUnsupported names the first key that `target` states otherwise, with both values.
[[nodiscard]] Result<void> CheckSameModel(const model::ModelConfig& meant,
                                          const model::ModelConfig& stated,
                                          std::string_view target);

// Runs both models, whose tensors hold the same values, on the reference kernels. Errors: kCorrupt
// where a logit differs by more than rounding; those of Model::Load.
[[nodiscard]] Result<void> CheckSameLogits(const weights::Checkpoint& source,
                                           const weights::Checkpoint& written,
                                           parallel::ThreadPool& pool, std::string_view target);

}  // namespace holdfast::convert
