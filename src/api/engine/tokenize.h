// POST /tokenize and /detokenize of the engine.
//   {"content": "text"} or {"messages": [...]}  ->  {"tokens": [...], "count": n, "max_model_len":
//   n}
//   {"tokens": [...]}                           ->  {"content": "text"}
#pragma once

#include "api/engine/engine_call.h"

namespace holdfast::api {

net::Awaitable<ApiResult<void>> Tokenize(const EngineService& service, Reply& reply,
                                         const EngineRequest& request);
net::Awaitable<ApiResult<void>> Detokenize(const EngineService& service, Reply& reply,
                                           const EngineRequest& request);

}  // namespace holdfast::api
