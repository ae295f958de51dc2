// Invitations: codes that let a number of people register. Thread-safe; blocks.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/account.h"
#include "base/secret.h"
#include "store/database.h"

namespace holdfast::accounts {

inline constexpr std::int64_t kInvitationUsesMax = 10'000;
inline constexpr std::size_t kInvitationsMax = 1'000;
inline constexpr std::size_t kInvitationNoteBytesMax = 200;

struct Invitation {
  std::string id;
  std::string note;
  TimeMs created_at = 0;
  std::optional<TimeMs> expires_at;
  std::int64_t uses_left = 0;
};

struct MadeInvitation {
  Secret code;
  Invitation invitation;
};

class Invitations {
 public:
  explicit Invitations(store::Database& database) : database_(database) {}

  // Errors: kBadRequest (over a limit), kConflict (kInvitationsMax).
  Outcome<MadeInvitation> Make(std::string_view note, std::int64_t uses,
                               std::optional<TimeMs> expires_at, TimeMs now);
  Outcome<bool> IsGood(std::string_view code, TimeMs now);
  // Takes one use of it. Errors: kInvitationRequired (none such, or used up).
  Outcome<void> Use(std::string_view code, TimeMs now);
  Outcome<std::vector<Invitation>> List();
  Outcome<void> Revoke(std::string_view id);  // Errors: kNotFound.

 private:
  store::Database& database_;
};

}  // namespace holdfast::accounts
