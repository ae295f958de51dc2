#include "audit/event.h"

#include <algorithm>
#include <array>

namespace holdfast::audit {
namespace {

// In the order of EventKind.
constexpr std::array<std::string_view, kEventKindCount> kWords{
    "account_created",    "account_approved",   "account_restricted",  "account_unrestricted",
    "account_deleted",    "role_changed",       "login_failed_limit",  "session_revoked",
    "password_changed",   "email_changed",      "second_factor_added", "second_factor_removed",
    "recovery_code_used", "key_created",        "key_revoked",         "registration_mode_changed",
    "invitation_created", "invitation_revoked", "operator_reset",      "setup_link_made",
    "quota_changed",      "keys_rotated",       "export_made",         "backup_made",
    "backup_restored",    "identity_linked",    "identity_unlinked",   "logged_in",
    "restriction_undone", "likeness_rehearsed",
};

bool IsWordLetter(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
         (letter >= '0' && letter <= '9') ||
         std::string_view("_.:-").find(letter) != std::string_view::npos;
}

bool IsWord(std::string_view text) {
  return !text.empty() && text.size() <= kWordBytesMax && std::ranges::all_of(text, IsWordLetter);
}

}  // namespace

std::string_view Word(EventKind kind) { return kWords[static_cast<std::size_t>(kind)]; }

std::optional<EventKind> FindEventKind(std::string_view word) {
  const auto found = std::ranges::find(kWords, word);
  if (found == kWords.end()) return std::nullopt;
  return static_cast<EventKind>(found - kWords.begin());
}

Result<void> CheckEvent(const Event& event) {
  const auto fail = [&](std::string_view part) {
    return Fail(ErrorCode::kInvalidArgument, "audit event {}: its {} is no word", Word(event.kind),
                part);
  };
  if (!IsWord(event.actor)) return fail("actor");
  if (!event.subject.empty() && !IsWord(event.subject)) return fail("subject");
  if (event.fields.size() > kFieldsMax) {
    return Fail(ErrorCode::kInvalidArgument, "audit event {}: {} fields, over the limit of {}",
                Word(event.kind), event.fields.size(), kFieldsMax);
  }
  for (std::size_t i = 0; i < event.fields.size(); ++i) {
    if (!IsWord(event.fields[i].name)) return fail("field's name");
    if (!IsWord(event.fields[i].value)) return fail("field's value");
    for (std::size_t j = 0; j < i; ++j) {
      if (event.fields[i].name == event.fields[j].name) return fail("name of two fields");
    }
  }
  return {};
}

}  // namespace holdfast::audit
