// What the audit log can say: a closed list of events, each with who did it, to whom or what, and a
// few named words. Ids and words only, never a text that a person wrote, a name, an address or a
// secret: the log outlives accounts. Value types; thread-safe functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast::audit {

// A new kind is a new row here and in event.cc; none is ever renamed or removed, as logs have them.
enum class EventKind : std::uint8_t {
  kAccountCreated,
  kAccountApproved,
  kAccountRestricted,
  kAccountUnrestricted,
  kAccountDeleted,
  kRoleChanged,
  kLoginFailedLimit,  // So many log-ins failed that the limit was reached; not each failure.
  kSessionRevoked,
  kPasswordChanged,
  kEmailChanged,
  kSecondFactorAdded,
  kSecondFactorRemoved,
  kRecoveryCodeUsed,
  kKeyCreated,
  kKeyRevoked,
  kRegistrationModeChanged,
  kInvitationCreated,
  kInvitationRevoked,
  kOperatorReset,
  kSetupLinkMade,
  kQuotaChanged,
  kKeysRotated,
  kExportMade,
  kBackupMade,
  kBackupRestored,
  kIdentityLinked,
  kIdentityUnlinked,
  kLoggedIn,
  kRestrictionUndone,
  kLikenessRehearsed,
};
inline constexpr int kEventKindCount = static_cast<int>(EventKind::kLikenessRehearsed) + 1;

std::string_view Word(EventKind kind);  // "account_created"
std::optional<EventKind> FindEventKind(std::string_view word);

// A word is 1 to 64 of A-Z a-z 0-9 _ . : -
inline constexpr std::size_t kWordBytesMax = 64;
inline constexpr std::size_t kFieldsMax = 16;

struct Field {
  std::string name;   // A word, at most once in an event.
  std::string value;  // A word.
  bool operator==(const Field&) const = default;
};

struct Event {
  EventKind kind;
  std::string actor;    // A word: an account's id, or "system", "guard", "console".
  std::string subject;  // A word, or empty where the kind says it all.
  std::vector<Field> fields;
  bool operator==(const Event&) const = default;
};

// kInvalidArgument, with the part that is no word; the part itself is not said.
[[nodiscard]] Result<void> CheckEvent(const Event& event);

}  // namespace holdfast::audit
