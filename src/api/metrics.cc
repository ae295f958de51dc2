#include "api/metrics.h"

#include "api/reply.h"

namespace holdfast::api {
namespace {

net::Awaitable<ApiResult<void>> Metrics(const metrics::Registry& registry, Reply& reply) {
  http::ResponseHead head;
  head.content_type = metrics::kTextContentType;
  const std::string text = registry.ExposeText();
  co_return co_await reply.Send(head, text);
}

}  // namespace

Endpoint MetricsEndpoint(const metrics::Registry& registry) {
  Endpoint endpoint;
  endpoint.pattern = "/metrics";
  endpoint.access = Access::kThisMachine;
  endpoint.parse = Answering([&registry](Reply& reply) { return Metrics(registry, reply); });
  endpoint.documentation = {.id = "metrics",
                            .summary = "Metrics in Prometheus' text format.",
                            .tag = "service",
                            .answer_type = "text/plain"};
  return endpoint;
}

}  // namespace holdfast::api
