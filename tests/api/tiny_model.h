// A small model with random weights and a tokenizer of single bytes, written as a Hugging Face
// directory, for tests that need a real engine and do not care what it says.
#pragma once

#include <filesystem>

namespace holdfast::testing {

// Writes config.json, model.safetensors and tokenizer.json into `folder`, which must exist.
// The id of the end-of-sentence token, which tests ban with logit_bias for answers that last.
inline constexpr int kTinyEos = 257;
inline constexpr int kTinyVocab = 320;
inline constexpr int kTinyContext = 4096;
void WriteTinyModel(const std::filesystem::path& folder, int context = kTinyContext);

}  // namespace holdfast::testing
