#include "api/gateway_health.h"

#include <utility>

#include "api/api_error.h"

namespace holdfast::api {
namespace {

net::Awaitable<void> Health(const upstream::Upstream& upstream, http::Exchange& exchange) {
  const upstream::Load load = upstream.load();
  json::Object engine;
  engine["state"] = upstream.is_up() ? "up" : Info(Reason::kEngineRestarting).word;
  engine["running"] = load.running;
  engine["waiting"] = load.waiting;
  engine["blocks_free"] = load.blocks_free;
  engine["blocks_total"] = load.blocks_total;
  json::Object health;
  health["status"] = "ok";
  health["engine"] = std::move(engine);
  const json::Value body = std::move(health);
  co_await SendJson(exchange, body);
}

}  // namespace

http::Route GatewayHealthRoute(const upstream::Upstream& upstream) {
  http::Route route;
  route.pattern = "/health";
  route.handler = [&upstream](http::Exchange& exchange, const http::RouteRequest&) {
    return Health(upstream, exchange);
  };
  return route;
}

}  // namespace holdfast::api
