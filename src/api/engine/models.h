// GET /v1/models, /v1/models/{id*} and /health of the engine.
#pragma once

#include "api/engine/engine_service.h"
#include "http/router.h"

namespace holdfast::api {

net::Awaitable<void> ListModels(const EngineService& service, http::Exchange& exchange,
                                const http::RouteRequest& request);
net::Awaitable<void> GetModel(const EngineService& service, http::Exchange& exchange,
                              const http::RouteRequest& request);
net::Awaitable<void> EngineHealth(const EngineService& service, http::Exchange& exchange,
                                  const http::RouteRequest& request);

}  // namespace holdfast::api
