// The routes that an engine serves. Free function.
#pragma once

#include "api/engine/engine_service.h"
#include "http/router.h"
#include "metrics/registry.h"

namespace holdfast::server {

// `service` and `registry` must outlive the router.
http::Router EngineRoutes(const api::EngineService& service, const metrics::Registry& registry,
                          std::size_t body_bytes_max);

}  // namespace holdfast::server
