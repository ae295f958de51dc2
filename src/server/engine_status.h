// `holdfast engine status`: asks the gateway on this machine for its pool of engines and prints it.
// Called once, from main.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "server/config.h"

namespace holdfast::server {

// A table, one row an engine, of the JSON that /api/engines answers. Errors: kCorrupt.
[[nodiscard]] Result<std::string> FormatEngines(std::string_view json);

// Prints the table to stdout, or with `as_json` what the gateway says. Errors: kUnavailable when no
// gateway answers at gateway.listen.
[[nodiscard]] Result<void> PrintEngineStatus(const Config& config, bool as_json);

}  // namespace holdfast::server
