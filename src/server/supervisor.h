// The supervisor: runs engine and gateway as children, starts them again when they die, and stops
// them in order. Does nothing else, so that there is nothing in it to crash. One thread; called
// once, from main.
#pragma once

#include <string>

#include "base/result.h"
#include "server/config.h"

namespace holdfast::server {

// Runs until SIGTERM or SIGINT; then the gateway drains (up.drain_seconds_max), then the engine.
// `config_path` goes to the children. Errors: a child says that its configuration is wrong.
[[nodiscard]] Result<void> RunSupervisor(const Config& config, const std::string& config_path);

}  // namespace holdfast::server
