// HfDirectoryWriter: writes a Hugging Face directory (config.json, safetensors in one or many
// files, tokenizer) under a temporary name beside its target and renames it when it is whole.
// Dropped before Finish, it leaves nothing behind. Single-threaded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "convert/plan.h"
#include "convert/tokenizer_form.h"
#include "json/json.h"
#include "weights/safetensors_writer.h"

namespace holdfast::convert {

struct HfTexts {
  json::Object config;
  TokenizerTexts tokenizer;
  std::vector<std::int64_t> eos_token_ids;  // More than one go to generation_config.json.
};

// config.json of a target: torch_dtype and quantization_config as the plan's tensors are.
json::Object HfConfig(json::Object config, const Plan& plan);

class HfDirectoryWriter {
 public:
  // Files grow to `shard_bytes_max`, unless one tensor alone is larger.
  [[nodiscard]] static Result<HfDirectoryWriter> Create(const std::filesystem::path& target,
                                                        std::vector<weights::TensorSpec> specs,
                                                        std::uint64_t shard_bytes_max);
  HfDirectoryWriter(HfDirectoryWriter&& other) noexcept;
  HfDirectoryWriter& operator=(HfDirectoryWriter&&) = delete;
  ~HfDirectoryWriter();

  // The tensor whose bytes are to be written next, whole, before the next call; null after the
  // last. Not in the order of `specs`.
  const weights::TensorSpec* Next();
  [[nodiscard]] Result<void> Write(std::span<const std::byte> bytes);
  [[nodiscard]] Result<void> Finish(const HfTexts& texts);

 private:
  using Shard = std::vector<weights::TensorSpec>;
  HfDirectoryWriter(std::filesystem::path target, std::filesystem::path partial,
                    std::vector<Shard> shards)
      : target_(std::move(target)), partial_(std::move(partial)), shards_(std::move(shards)) {}
  std::string ShardName(std::size_t shard) const;
  Result<void> OpenShard();
  Result<void> WriteText(const char* name, const std::string& text) const;
  std::string IndexText() const;

  std::filesystem::path target_;
  std::filesystem::path partial_;  // Empty after Finish or a move.
  std::vector<Shard> shards_;
  std::size_t shard_ = 0;   // Of the next tensor.
  std::size_t tensor_ = 0;  // Its place in the shard.
  std::size_t open_shard_ = SIZE_MAX;
  std::optional<weights::SafetensorsWriter> writer_;
};

}  // namespace holdfast::convert
