// The closed list of reasons: one word for every refusal and failure, the same in the API's body,
// the chat bubble, the log, the metric label and the status page. Each says whose side it is on,
// which status it has, and whether and when to try again.
//
// A new reason is a new row here and nowhere else. Immutable, thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::api {

enum class Reason : std::uint8_t {
  kBadRequest,
  kNotFound,
  kModelNotFound,
  kMethodNotAllowed,
  kTooLarge,
  kSlowClient,
  kUnsupported,
  kContextTooLong,
  kForbidden,
  kYourConcurrency,
  kQueueFull,
  kDeadlineUnreachable,
  kDeadlineExceeded,
  kSlowReader,
  kDraining,
  kEngineRestarting,
  kUpstreamDown,
  kInternal,
};
inline constexpr int kReasonCount = static_cast<int>(Reason::kInternal) + 1;

enum class Side : std::uint8_t { kClient, kService };

struct ReasonInfo {
  Reason reason;
  std::string_view word;  // "queue_full"
  int status;
  std::string_view type;  // The `type` of OpenAI's error object.
  Side side;
  // When to try again; nullopt: the same request will fail again.
  std::optional<std::chrono::milliseconds> retry_after;
};

const ReasonInfo& Info(Reason reason);
// The reason of that word; nullopt when it is not one of ours.
std::optional<Reason> FindReason(std::string_view word);

}  // namespace holdfast::api
