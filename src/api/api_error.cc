#include "api/api_error.h"

#include <utility>

#include "base/log.h"

namespace holdfast::api {

std::unexpected<ApiError> FailApi(Reason reason, std::string message, std::string param) {
  ApiError error;
  error.reason = reason;
  error.message = std::move(message);
  error.param = std::move(param);
  return std::unexpected(std::move(error));
}

ApiError ToApiError(const Error& error) {
  const auto make = [](Reason reason, std::string message) {
    ApiError made;
    made.reason = reason;
    made.message = std::move(message);
    return made;
  };
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kOutOfRange:
      return make(Reason::kBadRequest, error.message);
    case ErrorCode::kUnsupported:
      return make(Reason::kUnsupported, error.message);
    case ErrorCode::kNotFound:
      return make(Reason::kNotFound, error.message);
    case ErrorCode::kTooLarge: {
      ApiError made = make(Reason::kContextTooLong, error.message);
      made.code = "context_length_exceeded";
      return made;
    }
    case ErrorCode::kResourceExhausted:
      return make(Reason::kQueueFull, "The queue is full. Please try again shortly.");
    case ErrorCode::kDeadlineExceeded:
      return make(Reason::kDeadlineExceeded, "The answer took longer than its time limit.");
    case ErrorCode::kUnavailable:
      return make(Reason::kDraining, "The service is shutting down. Please try again shortly.");
    case ErrorCode::kPermissionDenied:
      return make(Reason::kForbidden, error.message);
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kCorrupt:
    case ErrorCode::kCancelled:
    case ErrorCode::kIo:
    case ErrorCode::kDiskFull:
    case ErrorCode::kFailedPrecondition:
    case ErrorCode::kInternal:
      break;
  }
  log::error("internal error: {}: {}", ErrorCodeName(error.code), error.message);
  return make(Reason::kInternal, "Something failed on our side.");
}

ApiError ToApiError(const http::Refusal& refusal) {
  ApiError made;
  made.status = refusal.status;
  made.message = refusal.message;
  switch (refusal.status) {
    case 404:
      made.reason = Reason::kNotFound;
      break;
    case 405:
      made.reason = Reason::kMethodNotAllowed;
      break;
    case 408:
      made.reason = Reason::kSlowClient;
      break;
    case 413:
    case 414:
    case 431:
      made.reason = Reason::kTooLarge;
      break;
    case 501:
    case 505:
      made.reason = Reason::kUnsupported;
      break;
    default:
      made.reason = Reason::kBadRequest;
      break;
  }
  return made;
}

ApiError ToApiError(net::StopReason reason) {
  ApiError made;
  switch (reason) {
    case net::StopReason::kClientLeft:
      made.reason = Reason::kClientLeft;
      made.message = "The client has left.";
      break;
    case net::StopReason::kDeadline:
      made.reason = Reason::kDeadlineExceeded;
      made.message = "The answer took longer than its time limit.";
      break;
    case net::StopReason::kShutdown:
      made.reason = Reason::kDraining;
      made.message = "The service is shutting down. Please try again shortly.";
      break;
    case net::StopReason::kLimit:
      made.reason = Reason::kSlowReader;
      made.message = "The answer was read too slowly and was cut off.";
      break;
    case net::StopReason::kNone:
      made.message = "Something failed on our side.";
      break;
  }
  return made;
}

namespace {

std::optional<std::chrono::milliseconds> RetryAfter(const ApiError& error) {
  return error.retry_after ? error.retry_after : Info(error.reason).retry_after;
}

json::Value TextOrNull(std::string_view text) {
  return text.empty() ? json::Value(nullptr) : json::Value(text);
}

}  // namespace

json::Object ErrorBody(const ApiError& error, std::string_view request_id) {
  const ReasonInfo& info = Info(error.reason);
  json::Object object;
  object["message"] = error.message;
  object["type"] = Wire(error.reason).type;
  object["param"] = TextOrNull(error.param);
  object["code"] = error.code.empty() ? info.word : std::string_view(error.code);
  object["reason"] = info.word;
  object["side"] = info.side == Side::kClient ? "client" : "service";
  if (const auto retry_after = RetryAfter(error)) {
    object["retry_after_ms"] = retry_after->count();
  }
  object["request_id"] = TextOrNull(request_id);
  json::Object body;
  body["error"] = std::move(object);
  return body;
}

std::vector<http::Header> RetryHeaders(const ApiError& error) {
  const auto retry_after = RetryAfter(error);
  if (!retry_after) return {{"x-should-retry", "false"}};
  // Official clients ignore a longer wait and try at once, so they are told not to try.
  constexpr std::chrono::seconds kHonouredMax{60};
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(*retry_after);
  std::vector<http::Header> headers;
  headers.push_back({"Retry-After", std::to_string(seconds.count())});
  headers.push_back({"retry-after-ms", std::to_string(retry_after->count())});
  if (seconds > kHonouredMax) headers.push_back({"x-should-retry", "false"});
  return headers;
}

net::Awaitable<Result<void>> SendError(http::Exchange& exchange, const ApiError& error,
                                       std::string_view request_id) {
  http::ResponseHead head;
  head.status = error.Status();
  head.content_type = "application/json";
  head.headers = RetryHeaders(error);
  head.headers.push_back({"Cache-Control", "no-store"});
  const json::Value value = ErrorBody(error, request_id);
  const std::string body = json::Write(value);
  co_return co_await exchange.Send(head, body);
}

net::Awaitable<Result<void>> SendJson(http::Exchange& exchange, const json::Value& value,
                                      std::vector<http::Header> headers) {
  http::ResponseHead head;
  head.content_type = "application/json";
  head.headers = std::move(headers);
  head.headers.push_back({"Cache-Control", "no-store"});
  const std::string body = json::Write(value);
  co_return co_await exchange.Send(head, body);
}

}  // namespace holdfast::api
