#include "api/api_error.h"

#include <ctime>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"

namespace holdfast::api {

std::unexpected<ApiError> FailApi(Reason reason, std::string message, std::string param) {
  ApiError error;
  error.reason = reason;
  error.message = std::move(message);
  error.param = std::move(param);
  return std::unexpected(std::move(error));
}

ApiError ToApiError(Reason reason) {
  ApiError made;
  made.reason = reason;
  made.message = Wire(reason).sentence;
  return made;
}

ApiError ToApiError(const Error& error) {
  log::error("internal error: {}: {}", ErrorCodeName(error.code), error.message);
  return ToApiError(Reason::kInternal);
}

ApiError ToApiError(const http::Refusal& refusal) {
  ApiError made;
  made.status = refusal.status;
  made.message = refusal.message;
  if (refusal.reason) {
    made.reason = *refusal.reason;
    return made;
  }
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
  switch (reason) {
    case net::StopReason::kClientLeft:
      return ToApiError(Reason::kClientLeft);
    case net::StopReason::kDeadline:
      return ToApiError(Reason::kDeadlineExceeded);
    case net::StopReason::kShutdown:
      return ToApiError(Reason::kDraining);
    case net::StopReason::kLimit:
      return ToApiError(Reason::kSlowReader);
    case net::StopReason::kNone:
      break;
  }
  return ToApiError(Reason::kInternal);
}

namespace {

std::optional<std::chrono::milliseconds> RetryAfter(const ApiError& error) {
  return error.retry_after ? error.retry_after : Info(error.reason).retry_after;
}

json::Value TextOrNull(std::string_view text) {
  return text.empty() ? json::Value(nullptr) : json::Value(text);
}

// "2026-11-30T18:15:00Z", rounded up: whoever comes then is not a moment too early.
std::string TimeText(std::int64_t time_ms) {
  const std::time_t time = (time_ms + 999) / 1000;
  std::tm parts{};
  gmtime_r(&time, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string MessageOf(const ApiError& error) {
  if (!error.decision) return error.message;
  const DecisionNotice& decision = *error.decision;
  const std::string objection =
      decision.objection.empty() ? "" : fmt::format(" To object: {}.", decision.objection);
  return fmt::format("{} Decision {} by the rule {}, until {}.{}", error.message, decision.id,
                     decision.rule, TimeText(decision.expires_at), objection);
}

// OpenAI's error object, with our fields beside its own.
json::Object OpenAiError(const ApiError& error, std::string_view request_id) {
  const ReasonInfo& info = Info(error.reason);
  json::Object object;
  object["message"] = MessageOf(error);
  object["type"] = Wire(error.reason).type;
  object["param"] = TextOrNull(error.param);
  object["code"] = error.code.empty() ? info.word : std::string_view(error.code);
  object["reason"] = info.word;
  object["side"] = info.side == Side::kClient ? "client" : "service";
  if (const auto retry_after = RetryAfter(error)) {
    object["retry_after_ms"] = retry_after->count();
  }
  if (error.decision) {
    object["decision"] = error.decision->id;
    object["rule"] = error.decision->rule;
    object["expires_at"] = error.decision->expires_at;
    object["objection"] = TextOrNull(error.decision->objection);
  }
  object["request_id"] = TextOrNull(request_id);
  json::Object body;
  body["error"] = std::move(object);
  return body;
}

}  // namespace

std::string ErrorText(const ApiError& error, Dialect dialect, std::string_view request_id) {
  switch (dialect) {
    case Dialect::kOpenAi:
      break;
  }
  return json::Write(OpenAiError(error, request_id));
}

std::vector<http::Header> RetryHeaders(const ApiError& error) {
  const auto retry_after = RetryAfter(error);
  if (!retry_after) return {{"x-should-retry", "false"}};
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(*retry_after);
  std::vector<http::Header> headers;
  headers.push_back({"Retry-After", std::to_string(seconds.count())});
  headers.push_back({"retry-after-ms", std::to_string(retry_after->count())});
  if (seconds > kHonouredWaitMax) headers.push_back({"x-should-retry", "false"});
  return headers;
}

http::ResponseHead ErrorHead(const ApiError& error) {
  http::ResponseHead head;
  head.status = error.Status();
  head.content_type = "application/json";
  head.headers = RetryHeaders(error);
  head.headers.push_back({"Cache-Control", "no-store"});
  if (error.decision) head.headers.push_back({"x-holdfast-decision", error.decision->id});
  return head;
}

net::Awaitable<Result<void>> SendError(http::Exchange& exchange, const ApiError& error,
                                       Dialect dialect, std::string_view request_id) {
  const http::ResponseHead head = ErrorHead(error);
  const std::string body = ErrorText(error, dialect, request_id);
  co_return co_await exchange.Send(head, body);
}

}  // namespace holdfast::api
