// Export: the trained weights as a Hugging Face directory (config.json, model.safetensors, and the
// tokenizer's files where given), which every verb of this program and other programs read. Free
// function; single-threaded.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "trainer/train_step.h"

namespace holdfast::trainer {

// Matrices in bf16, vectors in f32. `tokenizer` is a folder with tokenizer.json, or empty.
// Errors: kIo, kDiskFull, kPermissionDenied, kNotFound (the tokenizer).
[[nodiscard]] Result<void> ExportHuggingFace(const TrainState& state,
                                             const std::filesystem::path& tokenizer,
                                             const std::filesystem::path& dir);

}  // namespace holdfast::trainer
