// The calls of an engine process: a request as its gateway sent it, and the functions that answer
// one. What they return is told by the pipeline.
#pragma once

#include <string>
#include <string_view>

#include "api/endpoint.h"
#include "api/engine/engine_service.h"
#include "api/reply.h"

namespace holdfast::api {

struct EngineRequest {
  std::string body;
  std::string client;  // For whom the gateway asks; empty: nobody in particular.
  std::string model;   // Of a path that names one.
};

using EngineHandler = net::Awaitable<ApiResult<void>> (*)(const EngineService&, Reply&,
                                                          const EngineRequest&);

// Parse of an endpoint that the handler answers. The service must outlive it.
Endpoint::Parse AnsweredBy(const EngineService& service, EngineHandler handler);

}  // namespace holdfast::api
