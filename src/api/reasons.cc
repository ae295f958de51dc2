#include "api/reasons.h"

#include <array>

namespace holdfast::api {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kInvalid = "invalid_request_error";
constexpr std::string_view kRateLimit = "rate_limit_error";
constexpr std::string_view kServer = "server_error";

// One row a reason, in the order of the enumeration.
constexpr std::array<ReasonInfo, kReasonCount> kReasons{{
    {Reason::kBadRequest, "bad_request", 400, kInvalid, Side::kClient, {}},
    {Reason::kNotFound, "not_found", 404, kInvalid, Side::kClient, {}},
    {Reason::kModelNotFound, "model_not_found", 404, kInvalid, Side::kClient, {}},
    {Reason::kMethodNotAllowed, "method_not_allowed", 405, kInvalid, Side::kClient, {}},
    {Reason::kTooLarge, "too_large", 413, kInvalid, Side::kClient, {}},
    {Reason::kSlowClient, "slow_client", 408, kInvalid, Side::kClient, milliseconds(0)},
    {Reason::kUnsupported, "unsupported", 400, kInvalid, Side::kClient, {}},
    {Reason::kContextTooLong, "context_too_long", 400, kInvalid, Side::kClient, {}},
    {Reason::kForbidden, "forbidden", 403, kInvalid, Side::kClient, {}},
    {Reason::kYourConcurrency, "your_concurrency", 429, kRateLimit, Side::kClient,
     milliseconds(1'000)},
    {Reason::kQueueFull, "queue_full", 503, kServer, Side::kService, milliseconds(2'000)},
    {Reason::kDeadlineUnreachable, "deadline_unreachable", 503, kServer, Side::kService,
     milliseconds(2'000)},
    {Reason::kDeadlineExceeded, "deadline_exceeded", 504, kServer, Side::kService, {}},
    {Reason::kSlowReader, "slow_reader", 408, kInvalid, Side::kClient, milliseconds(0)},
    {Reason::kDraining, "draining", 503, kServer, Side::kService, milliseconds(2'000)},
    {Reason::kEngineRestarting, "engine_restarting", 503, kServer, Side::kService,
     milliseconds(1'000)},
    {Reason::kUpstreamDown, "upstream_down", 502, kServer, Side::kService, milliseconds(2'000)},
    {Reason::kInternal, "internal", 500, kServer, Side::kService, milliseconds(1'000)},
}};

constexpr bool IsInOrder() {
  for (int i = 0; i < kReasonCount; ++i) {
    if (kReasons[i].reason != static_cast<Reason>(i)) return false;
  }
  return true;
}
static_assert(IsInOrder());

}  // namespace

const ReasonInfo& Info(Reason reason) { return kReasons[static_cast<int>(reason)]; }

std::optional<Reason> FindReason(std::string_view word) {
  for (const ReasonInfo& info : kReasons) {
    if (info.word == word) return info.reason;
  }
  return std::nullopt;
}

}  // namespace holdfast::api
