#include "api/openai/model_list.h"

#include <utility>

#include "api/openai/schemas.h"
#include "api/reply.h"

namespace holdfast::api {
namespace {

json::Object ModelJson(const upstream::ModelInfo& info) {
  json::Object model;
  model["id"] = info.id;
  model["object"] = "model";
  model["created"] = info.created_s;
  model["owned_by"] = info.owned_by;
  if (info.context_max > 0) model["max_model_len"] = info.context_max;
  return model;
}

// Engines that are away are no reason to say that a model does not exist.
ApiResult<void> CheckAnyEngine(const upstream::Pool& pool) {
  if (pool.Report().engines_up > 0) return {};
  return std::unexpected(ToApiError(Reason::kEngineRestarting));
}

ApiResult<json::Value> List(const upstream::Pool& pool) {
  TRY(CheckAnyEngine(pool));
  json::Array data;
  for (const upstream::ModelInfo& info : pool.Models()) data.emplace_back(ModelJson(info));
  json::Object list;
  list["object"] = "list";
  list["data"] = std::move(data);
  return list;
}

ApiResult<json::Value> Get(const upstream::Pool& pool, std::string_view id) {
  const std::optional<upstream::ModelInfo> info = pool.FindModel(id);
  if (info) return ModelJson(*info);
  TRY(CheckAnyEngine(pool));
  return std::unexpected(ModelNotFound(id));
}

class ModelCall final : public Call {
 public:
  ModelCall(const upstream::Pool& pool, std::string id) : pool_(pool), id_(std::move(id)) {}
  net::Awaitable<ApiResult<void>> Run(Reply& reply, Progress&) override {
    const ApiResult<json::Value> model = Get(pool_, id_);
    if (!model) co_return std::unexpected(model.error());
    co_return co_await reply.SendJson(*model);
  }

 private:
  const upstream::Pool& pool_;
  const std::string id_;
};

net::Awaitable<ApiResult<void>> AnswerList(const upstream::Pool& pool, Reply& reply) {
  const ApiResult<json::Value> list = List(pool);
  if (!list) co_return std::unexpected(list.error());
  co_return co_await reply.SendJson(*list);
}

}  // namespace

ApiError ModelNotFound(std::string_view id) {
  ApiError error = ToApiError(Reason::kModelNotFound);
  error.message = fmt::format("The model '{}' is not served here.", id);
  error.param = "model";
  return error;
}

Endpoint ListModelsEndpoint(const upstream::Pool& pool) {
  Endpoint endpoint;
  endpoint.pattern = "/v1/models";
  endpoint.parse = Answering([&pool](Reply& reply) { return AnswerList(pool, reply); });
  endpoint.documentation = {.id = "listModels",
                            .summary = "The models that are served now.",
                            .tag = "models",
                            .answer_schema = kModelListSchema,
                            .statuses = {503}};
  return endpoint;
}

Endpoint GetModelEndpoint(const upstream::Pool& pool) {
  Endpoint endpoint;
  endpoint.pattern = "/v1/models/{id*}";
  endpoint.parse = [&pool](const Context& context,
                           std::string) -> ApiResult<std::unique_ptr<Call>> {
    return std::make_unique<ModelCall>(pool, context.params.find("id")->second);
  };
  endpoint.documentation = {.id = "getModel",
                            .summary = "One model; its id may have slashes.",
                            .tag = "models",
                            .answer_schema = kModelSchema,
                            .statuses = {404, 503}};
  return endpoint;
}

}  // namespace holdfast::api
