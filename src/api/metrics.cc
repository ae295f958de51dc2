#include "api/metrics.h"

namespace holdfast::api {
namespace {

net::Awaitable<void> Metrics(const metrics::Registry& registry, http::Exchange& exchange) {
  http::ResponseHead head;
  head.content_type = metrics::kTextContentType;
  const std::string text = registry.ExposeText();
  co_await exchange.Send(head, text);
}

}  // namespace

http::Route MetricsRoute(const metrics::Registry& registry) {
  http::Route route;
  route.pattern = "/metrics";
  route.is_local_only = true;
  route.handler = [&registry](http::Exchange& exchange, const http::RouteRequest&) {
    return Metrics(registry, exchange);
  };
  return route;
}

}  // namespace holdfast::api
