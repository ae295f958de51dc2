// From the configuration to the pool of engines of a gateway. Free functions.
#pragma once

#include <vector>

#include "base/result.h"
#include "guard/overload/engine_report.h"
#include "server/config.h"
#include "upstream/pool.h"

namespace holdfast::server {

// gateway.engine alone where it is set; else this machine's own engine and the [[engine]] entries.
// Errors: those of a key file, naming it.
[[nodiscard]] Result<std::vector<upstream::EngineSpec>> EngineSpecs(const Config& config);
upstream::PoolLimits MakePoolLimits(const Config& config);

guard::EngineReport ToEngineReport(const upstream::PoolReport& report);

}  // namespace holdfast::server
