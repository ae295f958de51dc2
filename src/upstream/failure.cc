#include "upstream/failure.h"

#include <array>

namespace holdfast::upstream {
namespace {

constexpr std::array<std::string_view, kFailureKindCount> kWords = {"no_model",
                                                                    "unreachable",
                                                                    "timed_out_connecting",
                                                                    "timed_out_head",
                                                                    "timed_out_total",
                                                                    "silent",
                                                                    "broken",
                                                                    "not_http",
                                                                    "wrong_content",
                                                                    "too_large",
                                                                    "refused",
                                                                    "busy",
                                                                    "error",
                                                                    "resource_exhausted",
                                                                    "stopped"};

Reason OfStop(net::StopReason stop) {
  switch (stop) {
    case net::StopReason::kClientLeft:
      return Reason::kClientLeft;
    case net::StopReason::kDeadline:
      return Reason::kDeadlineExceeded;
    case net::StopReason::kShutdown:
      return Reason::kDraining;
    case net::StopReason::kLimit:
      return Reason::kSlowReader;
    case net::StopReason::kNone:
      break;
  }
  return Reason::kInternal;
}

// What one of our engines said itself is passed on; of others the status decides.
Reason OfRefusal(const Failure& failure) {
  if (failure.error) {
    const std::optional<Reason> own = FindReason(failure.error->reason);
    if (own && Info(*own).side == Side::kClient) return *own;
    if (failure.error->code == "context_length_exceeded") return Reason::kContextTooLong;
    if (failure.error->code == "model_not_found") return Reason::kModelNotFound;
  }
  switch (failure.status) {
    case 404:
      return Reason::kModelNotFound;
    case 413:
      return Reason::kTooLarge;
    default:
      return Reason::kBadRequest;
  }
}

Reason OfBusy(const Failure& failure) {
  const std::optional<Reason> own =
      failure.error ? FindReason(failure.error->reason) : std::nullopt;
  return own && Info(*own).side == Side::kService ? *own : Reason::kQueueFull;
}

}  // namespace

std::string_view FailureWord(FailureKind kind) { return kWords[static_cast<std::size_t>(kind)]; }

bool IsEngineFault(FailureKind kind) {
  switch (kind) {
    case FailureKind::kUnreachable:
    case FailureKind::kTimedOutConnecting:
    case FailureKind::kTimedOutHead:
    case FailureKind::kSilent:
    case FailureKind::kBroken:
    case FailureKind::kNotHttp:
    case FailureKind::kWrongContent:
    case FailureKind::kError:
      return true;
    case FailureKind::kNoModel:
    case FailureKind::kTimedOutTotal:
    case FailureKind::kTooLarge:
    case FailureKind::kRefused:
    case FailureKind::kBusy:
    case FailureKind::kResourceExhausted:
    case FailureKind::kStopped:
      return false;
  }
  return false;
}

Reason ToReason(const Failure& failure) {
  switch (failure.kind) {
    case FailureKind::kNoModel:
      return Reason::kModelNotFound;
    // An engine that cannot be reached or broke off is most often one that is coming back.
    case FailureKind::kUnreachable:
    case FailureKind::kTimedOutConnecting:
    case FailureKind::kBroken:
      return Reason::kEngineRestarting;
    case FailureKind::kTimedOutTotal:
      return Reason::kDeadlineExceeded;
    case FailureKind::kTimedOutHead:
    case FailureKind::kSilent:
    case FailureKind::kNotHttp:
    case FailureKind::kWrongContent:
    case FailureKind::kTooLarge:
    case FailureKind::kError:
      return Reason::kUpstreamDown;
    case FailureKind::kRefused:
      return OfRefusal(failure);
    case FailureKind::kBusy:
      return OfBusy(failure);
    case FailureKind::kResourceExhausted:
      return Reason::kConnectionsFull;
    case FailureKind::kStopped:
      return OfStop(failure.stop);
  }
  return Reason::kInternal;
}

}  // namespace holdfast::upstream
