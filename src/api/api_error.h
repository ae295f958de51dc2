// ApiError: what a client is told when a request fails, and the mapping of what the layers below
// the API say to it. The body is OpenAI's error object with our fields beside:
//
//   {"error": {"message", "type", "param", "code", "reason", "retry_after_ms", "request_id"}}
//
// and, where a restriction is why, "decision", "rule", "expires_at" and "objection"; the message
// says them too, for people who see nothing else, and x-holdfast-decision names the decision.
//
// Value type; free functions, thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/reasons.h"
#include "base/result.h"
#include "http/exchange.h"
#include "http/message.h"
#include "json/json.h"
#include "net/stop.h"

namespace holdfast::api {

// Of whoever is limited by a decision about them: which, by what rule, until when, and how to
// object.
struct DecisionNotice {
  std::string id;
  std::string rule;
  std::int64_t expires_at = 0;  // Milliseconds since 1970.
  std::string objection;        // The operator's contact; empty: they name none.
};

struct ApiError {
  Reason reason = Reason::kInternal;
  std::string message;  // For the client: nothing about our files, addresses or memory.
  std::string param;    // The field at fault, "messages[2].role"; empty: none.
  std::string code;     // OpenAI's code where it has one; empty: the reason's word.
  int status = 0;       // 0: the reason's.
  std::optional<std::chrono::milliseconds> retry_after;  // Replaces the reason's.
  std::optional<DecisionNotice> decision;

  int Status() const { return status != 0 ? status : Wire(reason).status; }
};

template <typename T = void>
using ApiResult = std::expected<T, ApiError>;

std::unexpected<ApiError> FailApi(Reason reason, std::string message, std::string param = {});
// With the reason's own sentence.
ApiError ToApiError(Reason reason);

// What has no mapping of its own where it happened is internal; its message stays in our log.
ApiError ToApiError(const Error& error);
ApiError ToApiError(const http::Refusal& refusal);
ApiError ToApiError(net::StopReason reason);

// Whose error object a client reads.
enum class Dialect : std::uint8_t { kOpenAi };

// The error object as one line of JSON.
std::string ErrorText(const ApiError& error, Dialect dialect, std::string_view request_id);
// Headers that tell clients whether and when to try again.
std::vector<http::Header> RetryHeaders(const ApiError& error);
// They are told not to try after a longer wait than this: official clients would not wait so long,
// and try at once.
inline constexpr std::chrono::seconds kHonouredWaitMax{60};
// The head of the answer that says the error.
http::ResponseHead ErrorHead(const ApiError& error);

// Sends the error as a whole answer.
net::Awaitable<Result<void>> SendError(http::Exchange& exchange, const ApiError& error,
                                       Dialect dialect, std::string_view request_id);

}  // namespace holdfast::api
