// GET /metrics of every process, for this machine alone.
#pragma once

#include "api/endpoint.h"
#include "metrics/registry.h"

namespace holdfast::api {

// The registry must outlive the endpoint.
Endpoint MetricsEndpoint(const metrics::Registry& registry);

}  // namespace holdfast::api
