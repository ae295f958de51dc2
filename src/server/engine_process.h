// The engine process: loads a model and serves it to a gateway, or to anyone, as an
// OpenAI-compatible server. Knows no person and no database. Called once, from main.
#pragma once

#include "base/result.h"
#include "server/config.h"

namespace holdfast::server {

// Serves until SIGTERM or SIGINT, then drains. Errors: what keeps it from serving (model, address).
[[nodiscard]] Result<void> RunEngine(const Config& config);

}  // namespace holdfast::server
