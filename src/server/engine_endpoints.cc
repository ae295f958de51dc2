#include "server/engine_endpoints.h"

#include <utility>

#include "api/engine/chat_completions.h"
#include "api/engine/completions.h"
#include "api/engine/models.h"
#include "api/engine/tokenize.h"
#include "api/metrics.h"

namespace holdfast::server {

std::vector<api::Endpoint> EngineEndpoints(const api::EngineService& service,
                                           const metrics::Registry& registry,
                                           std::size_t body_bytes_max) {
  std::vector<api::Endpoint> endpoints;
  const auto add = [&](http::Method method, std::string pattern, api::EngineHandler handler) {
    api::Endpoint endpoint;
    endpoint.method = method;
    endpoint.pattern = std::move(pattern);
    endpoint.parse = api::AnsweredBy(service, handler);
    if (method == http::Method::kPost) endpoint.body_bytes_max = body_bytes_max;
    endpoints.push_back(std::move(endpoint));
  };
  add(http::Method::kPost, "/v1/chat/completions", api::ChatCompletions);
  add(http::Method::kPost, "/v1/completions", api::Completions);
  add(http::Method::kGet, "/v1/models", api::ListModels);
  add(http::Method::kGet, "/v1/models/{id*}", api::GetModel);
  add(http::Method::kPost, "/tokenize", api::Tokenize);
  add(http::Method::kPost, "/detokenize", api::Detokenize);
  add(http::Method::kGet, "/health", api::EngineHealth);
  endpoints.push_back(api::MetricsEndpoint(registry));
  return endpoints;
}

}  // namespace holdfast::server
