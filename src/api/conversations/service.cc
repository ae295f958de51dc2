#include "api/conversations/service.h"

#include "base/log.h"
#include "conversations/schema.h"
#include "store/migration.h"

namespace holdfast::api {
namespace {

ApiError Telling(Reason reason, const Error& error) {
  ApiError made = ToApiError(reason);
  made.message = fmt::format("{}.", error.message);
  if (!made.message.empty() && made.message[0] >= 'a' && made.message[0] <= 'z') {
    made.message[0] = static_cast<char>(made.message[0] - 'a' + 'A');
  }
  return made;
}

}  // namespace

Result<void> ConversationService::Open() {
  TRY(store::Migrate(database, conversations::kRoom, conversations::Migrations()));
  TRY_ASSIGN(const std::int64_t interrupted, journal.MarkInterrupted());
  if (interrupted > 0) log::info("{} answers were being written when we ended last", interrupted);
  return {};
}

ApiError ToConversationError(const Error& error) {
  switch (error.code) {
    case ErrorCode::kNotFound:
      return ToApiError(Reason::kNotFound);
    case ErrorCode::kInvalidArgument:
      return Telling(Reason::kBadRequest, error);
    case ErrorCode::kUnsupported:
      return Telling(Reason::kUnsupported, error);
    case ErrorCode::kTooLarge:
      return Telling(Reason::kTooLarge, error);
    case ErrorCode::kFailedPrecondition:
      return Telling(Reason::kConflict, error);
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kUnavailable:
    case ErrorCode::kDiskFull:
    case ErrorCode::kIo:
      log::warn("conversations: {}: {}", ErrorCodeName(error.code), error.message);
      return ToApiError(Reason::kStoreDown);
    case ErrorCode::kCancelled:
      return ToApiError(Reason::kDraining);
    default:
      return ToApiError(error);
  }
}

}  // namespace holdfast::api
