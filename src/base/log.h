// Logging to stderr, one line a record. Home of spdlog. Never pass user text or secrets here.
// Thread-safe.
#pragma once

#include <spdlog/spdlog.h>

namespace holdfast::log {

using spdlog::debug;
using spdlog::error;
using spdlog::info;
using spdlog::warn;

// Sets pattern and level once at start of main. `process` names the process in each line.
void Init(std::string_view process, spdlog::level::level_enum level = spdlog::level::info);

}  // namespace holdfast::log
