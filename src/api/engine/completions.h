// POST /v1/completions of the engine.
#pragma once

#include "api/engine/engine_call.h"

namespace holdfast::api {

net::Awaitable<ApiResult<void>> Completions(const EngineService& service, Reply& reply,
                                            const EngineRequest& request);

}  // namespace holdfast::api
