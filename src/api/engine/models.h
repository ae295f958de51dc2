// GET /v1/models, /v1/models/{id*} and /health of the engine.
#pragma once

#include "api/engine/engine_call.h"

namespace holdfast::api {

net::Awaitable<ApiResult<void>> ListModels(const EngineService& service, Reply& reply,
                                           const EngineRequest& request);
net::Awaitable<ApiResult<void>> GetModel(const EngineService& service, Reply& reply,
                                         const EngineRequest& request);
net::Awaitable<ApiResult<void>> EngineHealth(const EngineService& service, Reply& reply,
                                             const EngineRequest& request);

}  // namespace holdfast::api
