// The routes that a gateway serves. Free function.
#pragma once

#include "api/openai/relay.h"
#include "http/router.h"
#include "http/static_files.h"
#include "metrics/registry.h"
#include "upstream/upstream.h"

namespace holdfast::server {

// What it takes must outlive the router.
http::Router GatewayRoutes(upstream::Upstream& upstream, const api::RelayLimits& limits,
                           const http::StaticFiles& web, const metrics::Registry& registry,
                           std::size_t body_bytes_max);

}  // namespace holdfast::server
