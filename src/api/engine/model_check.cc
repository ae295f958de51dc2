#include "api/engine/model_check.h"

namespace holdfast::api {

ApiResult<void> CheckModel(const EngineService& service, std::string_view model) {
  if (model == service.model_id) return {};
  ApiError error;
  error.reason = Reason::kModelNotFound;
  error.param = "model";
  error.message =
      fmt::format("The model '{}' does not exist here. GET /v1/models lists what does.", model);
  return std::unexpected(std::move(error));
}

ApiResult<void> CheckTextBytes(const EngineService& service, std::size_t bytes,
                               std::string_view param) {
  // No natural text has tokens of more than this on average (English: about 4.5).
  constexpr std::int64_t kTokenBytesMean = 32;
  const std::int64_t bytes_max = service.context_max * kTokenBytesMean;
  if (bytes <= static_cast<std::size_t>(bytes_max)) return {};
  ApiError error;
  error.reason = Reason::kContextTooLong;
  error.code = "context_length_exceeded";
  error.param = param;
  error.message = fmt::format("{} bytes of text cannot fit this model's context of {} tokens.",
                              bytes, service.context_max);
  return std::unexpected(std::move(error));
}

std::string Caller(std::string_view client, std::string_view user) {
  if (client.empty()) return {};
  return fmt::format("{}\n{}", client, user);
}

}  // namespace holdfast::api
