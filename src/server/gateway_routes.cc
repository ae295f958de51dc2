#include "server/gateway_routes.h"

#include <utility>

#include "api/gateway_health.h"
#include "api/metrics.h"

namespace holdfast::server {

http::Router GatewayRoutes(upstream::Upstream& upstream, const api::RelayLimits& limits,
                           const http::StaticFiles& web, const metrics::Registry& registry,
                           std::size_t body_bytes_max) {
  http::Router router;
  const auto relay = [&](http::Method method, std::string pattern, bool is_generation) {
    http::Route route;
    route.method = method;
    route.pattern = std::move(pattern);
    route.is_generation = is_generation;
    if (method == http::Method::kPost) route.body_bytes_max = body_bytes_max;
    route.handler = [&upstream, &limits](http::Exchange& exchange,
                                         const http::RouteRequest& request) {
      return api::Relay(upstream, limits, exchange, request);
    };
    router.Add(std::move(route));
  };
  relay(http::Method::kPost, "/v1/chat/completions", true);
  relay(http::Method::kPost, "/v1/completions", true);
  relay(http::Method::kGet, "/v1/models", false);
  relay(http::Method::kGet, "/v1/models/{id*}", false);

  const auto page = [&](std::string pattern, std::string path) {
    http::Route route;
    route.pattern = std::move(pattern);
    route.handler = [&web, path = std::move(path)](http::Exchange& exchange,
                                                   const http::RouteRequest&) {
      return web.Send(exchange, path);
    };
    router.Add(std::move(route));
  };
  for (const std::string& path : web.paths()) page(path, path);
  page("/", "/index.html");

  router.Add(api::GatewayHealthRoute(upstream));
  router.Add(api::MetricsRoute(registry));
  return router;
}

}  // namespace holdfast::server
