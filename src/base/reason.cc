#include "base/reason.h"

#include <array>

namespace holdfast {
namespace {

using std::chrono::milliseconds;

// One row a reason, in the order of the enumeration.
constexpr std::array<ReasonInfo, kReasonCount> kReasons{{
    {Reason::kBadRequest, "bad_request", Side::kClient, {}},
    {Reason::kNotFound, "not_found", Side::kClient, {}},
    {Reason::kModelNotFound, "model_not_found", Side::kClient, {}},
    {Reason::kMethodNotAllowed, "method_not_allowed", Side::kClient, {}},
    {Reason::kTooLarge, "too_large", Side::kClient, {}},
    {Reason::kSlowClient, "slow_client", Side::kClient, milliseconds(0)},
    {Reason::kUnsupported, "unsupported", Side::kClient, {}},
    {Reason::kContextTooLong, "context_too_long", Side::kClient, {}},
    {Reason::kForbidden, "forbidden", Side::kClient, {}},
    {Reason::kForeignHost, "foreign_host", Side::kClient, {}},
    {Reason::kUnauthenticated, "unauthenticated", Side::kClient, {}},
    {Reason::kWrongCredentials, "wrong_credentials", Side::kClient, {}},
    {Reason::kSecondFactorRequired, "second_factor_required", Side::kClient, {}},
    {Reason::kNeedsHttps, "needs_https", Side::kClient, {}},
    {Reason::kAccountPaused, "account_paused", Side::kClient, {}},
    {Reason::kRegistrationClosed, "registration_closed", Side::kClient, {}},
    {Reason::kInvitationRequired, "invitation_required", Side::kClient, {}},
    {Reason::kNameTaken, "name_taken", Side::kClient, {}},
    {Reason::kWeakPassword, "weak_password", Side::kClient, {}},
    {Reason::kConflict, "conflict", Side::kClient, {}},
    {Reason::kYourQuota, "your_quota", Side::kClient, milliseconds(3'600'000)},
    {Reason::kPaymentRequired, "payment_required", Side::kClient, {}},
    {Reason::kYourRate, "your_rate", Side::kClient, milliseconds(1'000)},
    {Reason::kYourConcurrency, "your_concurrency", Side::kClient, milliseconds(1'000)},
    {Reason::kChallengeRequired, "challenge_required", Side::kClient, {}},
    {Reason::kUnderAttack, "under_attack", Side::kClient, milliseconds(300'000)},
    {Reason::kRegistrationPaused, "registration_paused", Side::kService, milliseconds(60'000)},
    {Reason::kShed, "shed", Side::kService, milliseconds(5'000)},
    {Reason::kShorterAnswers, "shorter_answers", Side::kService, milliseconds(5'000)},
    {Reason::kSignedInOnly, "signed_in_only", Side::kService, milliseconds(5'000)},
    {Reason::kHistoryOnly, "history_only", Side::kService, milliseconds(5'000)},
    {Reason::kQueueFull, "queue_full", Side::kService, milliseconds(2'000)},
    {Reason::kDeadlineUnreachable, "deadline_unreachable", Side::kService, milliseconds(2'000)},
    {Reason::kConnectionsFull, "connections_full", Side::kService, milliseconds(2'000)},
    {Reason::kBodiesFull, "bodies_full", Side::kService, milliseconds(2'000)},
    {Reason::kDraining, "draining", Side::kService, milliseconds(2'000)},
    {Reason::kStoreDown, "store_down", Side::kService, milliseconds(2'000)},
    {Reason::kClientLeft, "client_left", Side::kClient, {}},
    {Reason::kSlowReader, "slow_reader", Side::kClient, milliseconds(0)},
    {Reason::kDeadlineExceeded, "deadline_exceeded", Side::kService, {}},
    {Reason::kEngineRestarting, "engine_restarting", Side::kService, milliseconds(1'000)},
    {Reason::kUpstreamDown, "upstream_down", Side::kService, milliseconds(2'000)},
    {Reason::kInternal, "internal", Side::kService, milliseconds(1'000)},
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

}  // namespace holdfast
