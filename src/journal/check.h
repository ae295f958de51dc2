// What `holdfast journal check` does: every segment of a folder, block by block. Free functions.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"
#include "guard/clock.h"

namespace holdfast::journal {

struct CheckReport {
  std::uint64_t segments = 0;
  std::uint64_t blocks = 0;  // Sound ones.
  std::uint64_t rows = 0;
  std::uint64_t gaps = 0;       // Rows that say that others are missing.
  std::uint64_t rows_lost = 0;  // As they say.
  std::uint64_t bytes = 0;
  std::optional<guard::Time> from;  // Of the first row and of the last.
  guard::Time to{};
  // The first that is not sound: segment, block, byte and what is wrong. Nullopt: all is.
  std::optional<std::string> fault;
};

// While a gateway writes, the block that it is writing may look cut off. Errors: of the system;
// kNotFound when there is no folder.
[[nodiscard]] Result<CheckReport> CheckFolder(const std::filesystem::path& folder);

}  // namespace holdfast::journal
