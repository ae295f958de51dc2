// Converts a model: any checkpoint we read, to a GGUF file or a Hugging Face directory, tensor by
// tensor, in memory of a few megabytes a thread beside the mapped source. The target appears under
// its name when it is whole and on the disk. Then it is read back and compared with what was meant:
// tensors, end ids and configuration, and the logits of both models where the target keeps every
// value and the model is small (read_back.h). A target that differs is removed. Called by one
// thread; the pool's workers help.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "convert/recipe.h"
#include "parallel/thread_pool.h"

namespace holdfast::convert {

struct Progress {
  std::size_t tensor_index = 0;
  std::size_t tensor_count = 0;
  std::string_view tensor_name;
  std::uint64_t bytes_done = 0;  // Of the target.
  std::uint64_t bytes_total = 0;
};

struct ConvertOptions {
  Format format = Format::kGguf;
  // Nullopt keeps the stored types as far as the format has them.
  std::optional<tensor::DType> type = {};
  // Replace a target that exists.
  bool overwrite = false;
  // A safetensors file grows no larger than this, if its tensors allow.
  std::uint64_t shard_bytes_max = std::uint64_t{4} << 30;
  std::function<void(const Progress&)> progress = {};  // After each tensor; may be empty.
};

struct ConvertReport {
  std::size_t tensors = 0;
  std::uint64_t bytes = 0;
  std::vector<std::string> left_out;  // Source tensors that are no part of the architecture.
  bool has_tokenizer = false;
  bool has_compared_logits = false;  // Only where no value changes and the model is small.
};

// GGUF for names ending in ".gguf", a Hugging Face directory for others.
Format FormatOfPath(const std::filesystem::path& target);

// Errors: those of Checkpoint::Open, ParseModelConfig and MakePlan; kUnsupported for what the
// target cannot express, kOutOfRange for a value its type cannot hold, by name; kAlreadyExists;
// kDiskFull; kCorrupt when what was written does not read back as it was meant.
[[nodiscard]] Result<ConvertReport> Convert(const std::filesystem::path& source,
                                            const std::filesystem::path& target,
                                            const ConvertOptions& options,
                                            parallel::ThreadPool& pool);

}  // namespace holdfast::convert
