#include "api/engine/model_check.h"

#include "api/engine/engine_errors.h"

namespace holdfast::api {

ApiResult<void> CheckModel(const EngineService& service, std::string_view model) {
  if (model.empty() || model == service.model_id) return {};
  ApiError error;
  error.reason = Reason::kModelNotFound;
  error.param = "model";
  error.message =
      fmt::format("The model '{}' does not exist here. GET /v1/models lists what does.", model);
  return std::unexpected(std::move(error));
}

ApiResult<void> CheckTextBytes(const EngineService& service, std::size_t bytes,
                               std::string_view param) {
  const std::size_t tokens_min = service.token_sizes.TokensMin(bytes);
  if (tokens_min <= static_cast<std::size_t>(service.context_max)) return {};
  return std::unexpected(ContextTooLong(tokens_min, service.context_max, param));
}

std::string Caller(std::string_view client, std::string_view user) {
  if (client.empty()) return {};
  return fmt::format("{}\n{}", client, user);
}

}  // namespace holdfast::api
