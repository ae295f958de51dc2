// Capacity: what the engine of a scenario sustains, measured on its model rather than computed from
// means. Pure function.
#pragma once

#include <span>

#include "drill/lengths.h"
#include "verdict/engine/engine_profile.h"

namespace holdfast::drill {

// Requests a second of an engine with a queue that is never empty, over one round of `requests`,
// after enough of them to be full. None may be larger than a worker's cache.
double MeasureCapacity(const verdict::EngineProfile& profile,
                       std::span<const TokenCounts> requests);

}  // namespace holdfast::drill
