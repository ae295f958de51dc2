// The closed list of reasons: one word for every refusal and failure, the same in the API's body,
// the chat bubble, the guard, the log, the metric label, the journal and the status page. Each says
// whose side it is on, and whether and when to try again. What the words are on the wire (status,
// type) is chosen in api/; each domain maps its own errors to these, and what has no mapping is
// kInternal.
//
// A new reason is a new row here and in api/reasons.cc. Immutable, thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast {

enum class Reason : std::uint8_t {
  // What was asked cannot be done as it was asked.
  kBadRequest,
  kNotFound,
  kModelNotFound,
  kMethodNotAllowed,
  kTooLarge,
  kSlowClient,  // The request did not come within its time.
  kUnsupported,
  kContextTooLong,
  kForbidden,
  kForeignHost,  // The Host names no host of this service.

  // Who asks is not known, or may not do this.
  kUnauthenticated,
  kWrongCredentials,
  kSecondFactorRequired,
  kNeedsHttps,
  kAccountPaused,
  kRegistrationClosed,
  kInvitationRequired,
  kNameTaken,
  kWeakPassword,
  kConflict,  // Of what it would change, or is done already.

  // What this account may use is used up.
  kYourQuota,
  kPaymentRequired,

  // The guard says no to this caller.
  kYourRate,
  kYourConcurrency,
  kChallengeRequired,
  kUnderAttack,

  // The service says no to whoever comes now.
  kRegistrationPaused,
  kShed,
  kShorterAnswers,  // What is asked for is longer than an answer may be now.
  kSignedInOnly,
  kHistoryOnly,
  kQueueFull,
  kDeadlineUnreachable,
  kConnectionsFull,
  kBodiesFull,  // The bodies under way hold all the memory that there is for them.
  kDraining,
  kStoreDown,  // The database does not answer.

  // It was let in, and broke off.
  kClientLeft,
  kSlowReader,
  kDeadlineExceeded,
  kEngineRestarting,
  kUpstreamDown,  // An engine answered what cannot be used.
  kInternal,
};
inline constexpr int kReasonCount = static_cast<int>(Reason::kInternal) + 1;

enum class Side : std::uint8_t { kClient, kService };

struct ReasonInfo {
  Reason reason;
  std::string_view word;  // "queue_full"
  Side side;
  // When to try again, unless whoever refuses knows better; nullopt: the same request will fail
  // again.
  std::optional<std::chrono::milliseconds> retry_after;
};

const ReasonInfo& Info(Reason reason);
inline std::string_view Word(Reason reason) { return Info(reason).word; }
// The reason of that word; nullopt when it is not one of ours.
std::optional<Reason> FindReason(std::string_view word);

}  // namespace holdfast
