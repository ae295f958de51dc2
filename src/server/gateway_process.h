// The gateway process: the front of house. Serves the web chat and relays the public API to the
// engine; stays up and says why when the engine is not. Called once, from main.
#pragma once

#include "base/result.h"
#include "server/config.h"

namespace holdfast::server {

// Serves until SIGTERM or SIGINT, then drains. Errors: what keeps it from serving.
[[nodiscard]] Result<void> RunGateway(const Config& config);

}  // namespace holdfast::server
