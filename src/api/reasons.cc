#include "api/reasons.h"

#include <array>

namespace holdfast::api {
namespace {

constexpr std::string_view kInvalid = "invalid_request_error";
constexpr std::string_view kPermission = "permission_error";
constexpr std::string_view kRateLimit = "rate_limit_error";
constexpr std::string_view kServer = "server_error";

// One row a reason, in the order of the enumeration.
constexpr std::array<WireReason, kReasonCount> kReasons{{
    {Reason::kBadRequest, 400, kInvalid},
    {Reason::kNotFound, 404, kInvalid},
    {Reason::kModelNotFound, 404, kInvalid},
    {Reason::kMethodNotAllowed, 405, kInvalid},
    {Reason::kTooLarge, 413, kInvalid},
    {Reason::kSlowClient, 408, kInvalid},
    {Reason::kUnsupported, 400, kInvalid},
    {Reason::kContextTooLong, 400, kInvalid},
    {Reason::kForbidden, 403, kPermission},
    {Reason::kForeignHost, 421, kInvalid},
    {Reason::kYourRate, 429, kRateLimit},
    {Reason::kYourConcurrency, 429, kRateLimit},
    {Reason::kChallengeRequired, 403, kPermission},
    {Reason::kUnderAttack, 403, kPermission},
    {Reason::kRegistrationPaused, 503, kServer},
    {Reason::kShed, 503, kServer},
    {Reason::kQueueFull, 503, kServer},
    {Reason::kDeadlineUnreachable, 503, kServer},
    {Reason::kConnectionsFull, 503, kServer},
    {Reason::kBodiesFull, 503, kServer},
    {Reason::kDraining, 503, kServer},
    // Nobody is there to read it; the number is nginx's.
    {Reason::kClientLeft, 499, kInvalid},
    {Reason::kSlowReader, 408, kInvalid},
    {Reason::kDeadlineExceeded, 504, kServer},
    {Reason::kEngineRestarting, 503, kServer},
    {Reason::kUpstreamDown, 502, kServer},
    {Reason::kInternal, 500, kServer},
}};

constexpr bool IsInOrder() {
  for (int i = 0; i < kReasonCount; ++i) {
    if (kReasons[i].reason != static_cast<Reason>(i)) return false;
  }
  return true;
}
static_assert(IsInOrder());

}  // namespace

const WireReason& Wire(Reason reason) { return kReasons[static_cast<int>(reason)]; }

}  // namespace holdfast::api
