// POST /tokenize and /detokenize of the engine.
//   {"content": "text"} or {"messages": [...]}  ->  {"tokens": [...], "count": n, "max_model_len":
//   n}
//   {"tokens": [...]}                           ->  {"content": "text"}
#pragma once

#include "api/engine/engine_service.h"
#include "http/router.h"

namespace holdfast::api {

net::Awaitable<void> Tokenize(const EngineService& service, http::Exchange& exchange,
                              const http::RouteRequest& request);
net::Awaitable<void> Detokenize(const EngineService& service, http::Exchange& exchange,
                                const http::RouteRequest& request);

}  // namespace holdfast::api
