#include "server/engine_routes.h"

#include <utility>

#include "api/engine/chat_completions.h"
#include "api/engine/completions.h"
#include "api/engine/models.h"
#include "api/engine/tokenize.h"
#include "api/metrics.h"

namespace holdfast::server {

http::Router EngineRoutes(const api::EngineService& service, const metrics::Registry& registry,
                          std::size_t body_bytes_max) {
  using Endpoint = net::Awaitable<void> (*)(const api::EngineService&, http::Exchange&,
                                            const http::RouteRequest&);
  http::Router router;
  const auto bind = [&service](Endpoint endpoint) {
    return [&service, endpoint](http::Exchange& exchange, const http::RouteRequest& request) {
      return endpoint(service, exchange, request);
    };
  };
  const auto get = [&](std::string pattern, Endpoint endpoint) {
    http::Route route;
    route.pattern = std::move(pattern);
    route.handler = bind(endpoint);
    router.Add(std::move(route));
  };
  const auto post = [&](std::string pattern, Endpoint endpoint, bool is_generation) {
    http::Route route;
    route.method = http::Method::kPost;
    route.pattern = std::move(pattern);
    route.handler = bind(endpoint);
    route.body_bytes_max = body_bytes_max;
    route.is_generation = is_generation;
    router.Add(std::move(route));
  };
  post("/v1/chat/completions", api::ChatCompletions, true);
  post("/v1/completions", api::Completions, true);
  get("/v1/models", api::ListModels);
  get("/v1/models/{id*}", api::GetModel);
  post("/tokenize", api::Tokenize, false);
  post("/detokenize", api::Detokenize, false);
  get("/health", api::EngineHealth);
  router.Add(api::MetricsRoute(registry));
  return router;
}

}  // namespace holdfast::server
