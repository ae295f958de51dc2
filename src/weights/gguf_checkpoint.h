// Opens GGUF files of architecture deepseek2 as a Checkpoint. Free function, used by
// Checkpoint::Open.
#pragma once

#include <filesystem>
#include <memory>

#include "base/result.h"
#include "weights/checkpoint.h"

namespace holdfast::weights {

[[nodiscard]] Result<std::unique_ptr<Checkpoint>> OpenGguf(const std::filesystem::path& file);

}  // namespace holdfast::weights
