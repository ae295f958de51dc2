// History: one JSON line a recorded step, the source of the report's curves. A resumed run drops
// what was recorded after its checkpoint and goes on. Single-threaded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <vector>

#include "base/result.h"
#include "json/json.h"

namespace holdfast::trainer {

class History {
 public:
  // Keeps lines of steps up to `last_step`, drops the rest. Errors: kIo, kDiskFull.
  [[nodiscard]] static Result<History> Open(const std::filesystem::path& path,
                                            std::int64_t last_step);
  [[nodiscard]] Result<void> Add(const json::Object& line);

 private:
  std::filesystem::path path_;
  std::ofstream file_;
};

// All lines, oldest first; lines that are not JSON objects (a cut-off last one) are left out.
std::vector<json::Object> ReadHistory(const std::filesystem::path& path);

}  // namespace holdfast::trainer
