#include "api/engine/models.h"

#include "api/api_error.h"
#include "api/engine/model_check.h"

namespace holdfast::api {
namespace {

json::Object ModelJson(const EngineService& service) {
  json::Object model;
  model["id"] = service.model_id;
  model["object"] = "model";
  model["created"] = service.created_s;
  model["owned_by"] = "holdfast";
  model["max_model_len"] = service.context_max;
  return model;
}

}  // namespace

net::Awaitable<ApiResult<void>> ListModels(const EngineService& service, Reply& reply,
                                           const EngineRequest&) {
  json::Object list;
  list["object"] = "list";
  list["data"] = json::Array{ModelJson(service)};
  const json::Value body = std::move(list);
  co_return co_await reply.SendJson(body);
}

net::Awaitable<ApiResult<void>> GetModel(const EngineService& service, Reply& reply,
                                         const EngineRequest& request) {
  const ApiResult<void> checked = CheckModel(service, request.model);
  if (!checked) co_return std::unexpected(checked.error());
  const json::Value body = ModelJson(service);
  co_return co_await reply.SendJson(body);
}

net::Awaitable<ApiResult<void>> EngineHealth(const EngineService& service, Reply& reply,
                                             const EngineRequest&) {
  const engine::Load load = service.engine.load();
  json::Object health;
  health["status"] = load.is_draining ? "draining" : "ok";
  health["model"] = service.model_id;
  health["running"] = load.running;
  health["waiting"] = load.waiting;
  health["blocks_free"] = load.blocks_free;
  health["blocks_total"] = load.blocks_total;
  health["sequences_max"] = load.sequences_max;
  health["tokens_per_s"] = load.tokens_per_second;
  health["is_draining"] = load.is_draining;
  const json::Value body = std::move(health);
  std::vector<http::Header> headers = LoadHeaders(service.engine);
  co_return co_await reply.SendJson(body, std::move(headers));
}

}  // namespace holdfast::api
