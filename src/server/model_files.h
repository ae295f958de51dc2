// Where the model is, what it is called, and its tokenizer. Free functions, thread-safe.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"
#include "tokenizer/tokenizer.h"
#include "weights/checkpoint.h"

namespace holdfast::server {

// The file or directory to open. `configured` may be a file, a Hugging Face directory, or a folder
// with one GGUF file. Empty: models/starter in the working folder or in a folder above the binary.
// Errors: kNotFound, naming what was looked for.
[[nodiscard]] Result<std::filesystem::path> FindModel(const std::string& configured);

// The model's id in the API when none is configured: the name of file or directory.
std::string ModelName(const std::filesystem::path& path);

[[nodiscard]] Result<std::unique_ptr<const tokenizer::Tokenizer>> MakeTokenizer(
    const weights::Checkpoint& checkpoint);

}  // namespace holdfast::server
