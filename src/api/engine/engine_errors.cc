#include "api/engine/engine_errors.h"

#include <utility>

#include "base/log.h"

namespace holdfast::api {
namespace {

ApiError Make(Reason reason, std::string message) {
  ApiError error;
  error.reason = reason;
  error.message = std::move(message);
  return error;
}

ApiError Internal(std::string_view domain, const Error& error) {
  log::error("{}: {}: {}", domain, ErrorCodeName(error.code), error.message);
  return Make(Reason::kInternal, "Something failed on our side.");
}

ApiError QueueFull() {
  return Make(Reason::kQueueFull, "The queue is full. Please try again shortly.");
}

ApiError Draining() {
  return Make(Reason::kDraining, "The engine is shutting down. Please try again shortly.");
}

}  // namespace

ApiError SubmitError(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
      return Make(Reason::kBadRequest, error.message);
    case ErrorCode::kTooLarge: {
      ApiError made = Make(Reason::kContextTooLong, error.message);
      made.code = "context_length_exceeded";
      return made;
    }
    case ErrorCode::kResourceExhausted:
      return QueueFull();
    case ErrorCode::kUnavailable:
      return Draining();
    default:
      return Internal("submitting to the engine", error);
  }
}

ApiError RenderError(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kTooLarge:
      return Make(Reason::kBadRequest, error.message);
    case ErrorCode::kUnsupported:
      return Make(Reason::kUnsupported, error.message);
    default:
      return Internal("rendering a chat", error);
  }
}

ApiError PoolError(const Error& error) {
  switch (error.code) {
    case ErrorCode::kResourceExhausted:
      return QueueFull();
    case ErrorCode::kCancelled:
      return Draining();
    default:
      return Internal("preparing a prompt", error);
  }
}

ApiError EndError(engine::FinishReason reason, bool has_client_left) {
  if (has_client_left) return Make(Reason::kClientLeft, "The client has left.");
  switch (reason) {
    case engine::FinishReason::kDeadline:
      return Make(Reason::kDeadlineExceeded, "The answer took longer than its time limit.");
    case engine::FinishReason::kSlowReader:
      return Make(Reason::kSlowReader, "The answer was read too slowly and was cut off.");
    case engine::FinishReason::kCancelled:
      return Draining();
    case engine::FinishReason::kError:
    case engine::FinishReason::kStop:
    case engine::FinishReason::kLength:
      break;
  }
  return Make(Reason::kInternal, "The model failed on this request.");
}

ApiError ContextTooLong(std::size_t tokens_min, std::int64_t context_max, std::string_view param) {
  ApiError error = Make(
      Reason::kContextTooLong,
      fmt::format("The prompt has at least {} tokens; with at least one token of answer that is "
                  "over this model's context of {}.",
                  tokens_min, context_max));
  error.code = "context_length_exceeded";
  error.param = param;
  return error;
}

}  // namespace holdfast::api
