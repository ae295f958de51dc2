#include "api/reasons.h"

#include <array>

namespace holdfast::api {
namespace {

constexpr std::string_view kInvalid = "invalid_request_error";
constexpr std::string_view kAuthentication = "authentication_error";
constexpr std::string_view kQuota = "insufficient_quota";
constexpr std::string_view kPermission = "permission_error";
constexpr std::string_view kRateLimit = "rate_limit_error";
constexpr std::string_view kServer = "server_error";

// One row a reason, in the order of the enumeration.
constexpr std::array<WireReason, kReasonCount> kReasons{{
    {Reason::kBadRequest, 400, kInvalid, "The request is not well formed."},
    {Reason::kNotFound, 404, kInvalid, "There is nothing at this address."},
    {Reason::kModelNotFound, 404, kInvalid, "This model is not served here."},
    {Reason::kMethodNotAllowed, 405, kInvalid, "This address does not take this method."},
    {Reason::kTooLarge, 413, kInvalid, "The request is over a limit of size."},
    {Reason::kSlowClient, 408, kInvalid, "The request took too long to arrive."},
    {Reason::kUnsupported, 400, kInvalid, "This is not supported here."},
    {Reason::kContextTooLong, 400, kInvalid, "The prompt is longer than the model's context."},
    {Reason::kForbidden, 403, kPermission, "This is answered on the machine itself only."},
    {Reason::kForeignHost, 421, kInvalid, "The request's Host names no host of this service."},
    {Reason::kUnauthenticated, 401, kAuthentication, "Log in first, or send an API key."},
    {Reason::kWrongCredentials, 401, kAuthentication, "Name, password, code or passkey is wrong."},
    {Reason::kSecondFactorRequired, 401, kAuthentication, "Show again who you are for this."},
    {Reason::kNeedsHttps, 403, kPermission,
     "Passwords and sessions need HTTPS, or the machine itself."},
    {Reason::kAccountPaused, 403, kPermission, "This account is paused by the operator."},
    {Reason::kRegistrationClosed, 403, kPermission, "Nobody can register here now."},
    {Reason::kInvitationRequired, 403, kPermission, "Registration needs an invitation."},
    {Reason::kNameTaken, 409, kInvalid, "This name is taken."},
    {Reason::kWeakPassword, 400, kInvalid, "This password is too easy to guess."},
    {Reason::kConflict, 409, kInvalid, "This is done already, or was changed meanwhile."},
    {Reason::kYourQuota, 429, kQuota, "The tokens of this account or key for today are used up."},
    {Reason::kPaymentRequired, 402, kQuota, "Insufficient Balance"},
    {Reason::kYourRate, 429, kRateLimit, "You ask more often than your limit allows."},
    {Reason::kYourConcurrency, 429, kRateLimit, "You have too many answers under way or waiting."},
    {Reason::kChallengeRequired, 403, kPermission,
     "A proof of work is asked for first: /api/challenge gives one and takes it."},
    {Reason::kUnderAttack, 403, kPermission,
     "Requests like this one are part of an attack and are not served now."},
    {Reason::kRegistrationPaused, 503, kServer,
     "Registrations are paused. Please try again later."},
    {Reason::kShed, 503, kServer,
     "The service is over its capacity and serves others first. Please try again later."},
    {Reason::kShorterAnswers, 503, kServer,
     "The service is over its capacity and gives shorter answers than this for now. Please ask for "
     "fewer tokens, or try again later."},
    {Reason::kSignedInOnly, 503, kServer,
     "The service is over its capacity: for now only who is logged in may wait for an answer. "
     "Please log in, or try again later."},
    {Reason::kHistoryOnly, 503, kServer,
     "The service is far over its capacity: for now only who has used it for days may wait for an "
     "answer. Conversations can be read. Please try again later."},
    {Reason::kQueueFull, 503, kServer, "The queue is full. Please try again shortly."},
    {Reason::kDeadlineUnreachable, 503, kServer,
     "The service is busy: this could not be served in time. Please try again later."},
    {Reason::kConnectionsFull, 503, kServer, "Too many connections. Please try again shortly."},
    {Reason::kBodiesFull, 503, kServer,
     "Too many large requests are on the way. Please try again shortly."},
    {Reason::kDraining, 503, kServer, "The service is shutting down. Please try again shortly."},
    {Reason::kStoreDown, 503, kServer, "The database does not answer. Please try again shortly."},
    // Nobody is there to read it; the number is nginx's.
    {Reason::kClientLeft, 499, kInvalid, "The client has left."},
    {Reason::kSlowReader, 408, kInvalid, "The answer was read too slowly and was cut off."},
    {Reason::kDeadlineExceeded, 504, kServer, "The answer took longer than its time limit."},
    {Reason::kEngineRestarting, 503, kServer,
     "The engine is restarting. Please try again in a moment."},
    {Reason::kUpstreamDown, 502, kServer, "The engine's answer could not be read."},
    {Reason::kInternal, 500, kServer, "Something failed on our side."},
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
