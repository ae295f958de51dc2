// The endpoints of an engine process. Free function.
#pragma once

#include <vector>

#include "api/endpoint.h"
#include "api/engine/engine_service.h"
#include "metrics/registry.h"

namespace holdfast::server {

// What it takes must outlive the endpoints.
std::vector<api::Endpoint> EngineEndpoints(const api::EngineService& service,
                                           const metrics::Registry& registry,
                                           std::size_t body_bytes_max);

}  // namespace holdfast::server
