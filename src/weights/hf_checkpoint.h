// Opens Hugging Face directories and single safetensors files as a Checkpoint. Free functions,
// used by Checkpoint::Open.
#pragma once

#include <filesystem>
#include <memory>

#include "base/result.h"
#include "weights/checkpoint.h"

namespace holdfast::weights {

// `directory` holds config.json and model.safetensors, or model.safetensors.index.json with the
// shards it lists; tokenizer.json, tokenizer_config.json and generation_config.json if it has them.
[[nodiscard]] Result<std::unique_ptr<Checkpoint>> OpenHfDirectory(
    const std::filesystem::path& directory);

// One .safetensors file, with the config.json beside it.
[[nodiscard]] Result<std::unique_ptr<Checkpoint>> OpenSafetensorsFile(
    const std::filesystem::path& file);

}  // namespace holdfast::weights
