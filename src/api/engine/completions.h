// POST /v1/completions of the engine.
#pragma once

#include "api/engine/engine_service.h"
#include "http/router.h"

namespace holdfast::api {

net::Awaitable<void> Completions(const EngineService& service, http::Exchange& exchange,
                                 const http::RouteRequest& request);

}  // namespace holdfast::api
