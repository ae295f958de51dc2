#include "api/gateway/endpoints.h"

#include <utility>

#include "api/reply.h"

namespace holdfast::api {
namespace {

json::Object EngineJson(const upstream::Pool& pool) {
  const upstream::PoolReport report = pool.Report();
  json::Object engine;
  engine["state"] = report.engines_up > 0 ? "up" : Word(Reason::kEngineRestarting);
  engine["engines_up"] = report.engines_up;
  engine["engines_total"] = report.engines_total;
  engine["running"] = report.running;
  engine["waiting"] = report.waiting;
  engine["tokens_per_s"] = report.tokens_per_s;
  return engine;
}

json::Object GuardJson(const GuardHealth& health) {
  json::Object guard;
  guard["running"] = health.running;
  guard["waiting"] = health.waiting;
  guard["rung"] = health.rung;
  guard["level"] = health.level;
  guard["pressure"] = health.pressure;
  return guard;
}

net::Awaitable<ApiResult<void>> Health(const upstream::Pool& pool, GuardHealth guard,
                                       Reply& reply) {
  json::Object health;
  health["status"] = "ok";
  health["engine"] = EngineJson(pool);
  health["guard"] = GuardJson(guard);
  const json::Value body = std::move(health);
  co_return co_await reply.SendJson(body);
}

json::Object StatusJson(const upstream::EngineStatus& status) {
  json::Object row;
  row["name"] = status.name;
  row["url"] = status.url;
  row["state"] = upstream::EngineStateWord(status.state);
  row["why"] = status.why;
  row["models"] = json::Array(status.models.begin(), status.models.end());
  row["running"] = status.running;
  row["waiting"] = status.waiting;
  row["in_flight"] = status.in_flight;
  row["tokens_per_s"] = status.tokens_per_s;
  row["breaker"] = status.breaker;
  row["last_error"] = status.last_error;
  row["answers"] = status.answers;
  row["failures"] = status.failures;
  return row;
}

net::Awaitable<ApiResult<void>> Engines(const upstream::Pool& pool, Reply& reply) {
  json::Array engines;
  for (const upstream::EngineStatus& status : pool.Status()) {
    engines.emplace_back(StatusJson(status));
  }
  json::Object answer;
  answer["engines"] = std::move(engines);
  const json::Value body = std::move(answer);
  co_return co_await reply.SendJson(body);
}

net::Awaitable<ApiResult<void>> File(const http::StaticFiles& files, const std::string& path,
                                     Reply& reply) {
  co_await files.Send(reply.exchange(), path);
  co_return ApiResult<void>{};
}

Endpoint PageEndpoint(const http::StaticFiles& files, std::string pattern, std::string path) {
  Endpoint endpoint;
  endpoint.pattern = std::move(pattern);
  endpoint.kind = guard::Route::kPage;
  endpoint.parse = Answering(
      [&files, path = std::move(path)](Reply& reply) { return File(files, path, reply); });
  return endpoint;
}

net::Awaitable<ApiResult<void>> Document(const std::string& document, Reply& reply) {
  http::ResponseHead head;
  head.content_type = "application/json";
  co_return co_await reply.Send(head, document);
}

}  // namespace

Endpoint HealthEndpoint(const upstream::Pool& pool, std::function<GuardHealth()> guard) {
  Endpoint endpoint;
  endpoint.pattern = "/health";
  endpoint.parse = Answering(
      [&pool, guard = std::move(guard)](Reply& reply) { return Health(pool, guard(), reply); });
  endpoint.documentation = {
      .id = "health",
      .summary = "Whether the gateway and its engines are up, and how busy.",
      .tag = "service",
      .answer_schema = R"({"type": "object", "required": ["status", "engine"]})"};
  return endpoint;
}

Endpoint EnginesEndpoint(const upstream::Pool& pool) {
  Endpoint endpoint;
  endpoint.pattern = "/api/engines";
  endpoint.access = Access::kThisMachine;
  endpoint.parse = Answering([&pool](Reply& reply) { return Engines(pool, reply); });
  endpoint.documentation = {.id = "listEngines",
                            .summary = "The engines of the pool, one row each.",
                            .tag = "service",
                            .answer_schema = R"({"type": "object", "required": ["engines"]})"};
  return endpoint;
}

std::vector<Endpoint> PageEndpoints(const http::StaticFiles& files) {
  std::vector<Endpoint> endpoints;
  for (const std::string& path : files.paths()) {
    endpoints.push_back(PageEndpoint(files, path, path));
  }
  endpoints.push_back(PageEndpoint(files, "/", "/index.html"));
  return endpoints;
}

Endpoint OpenApiEndpoint(const std::string& document) {
  Endpoint endpoint;
  endpoint.pattern = "/openapi.json";
  endpoint.parse = Answering([&document](Reply& reply) { return Document(document, reply); });
  endpoint.documentation = {.id = "openapi",
                            .summary = "This document.",
                            .tag = "service",
                            .answer_schema = R"({"type": "object", "required": ["openapi"]})"};
  return endpoint;
}

}  // namespace holdfast::api
