// Sessions: who is logged in where. A session is an opaque token in a cookie; it is looked up with
// every request, so that one that was revoked is of no use from that moment on, at every gateway.
// Thread-safe; blocks.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/account.h"
#include "base/secret.h"
#include "store/database.h"

namespace holdfast::accounts {

inline constexpr TimeMs kDayMs = 24LL * 60 * 60 * 1000;
// Unused for so long, it is over; and after so long in any case.
inline constexpr TimeMs kSessionIdleMax = 30 * kDayMs;
inline constexpr TimeMs kSessionAgeMax = 180 * kDayMs;
// Of one account; a further one ends the one that was used longest ago.
inline constexpr std::size_t kSessionsMax = 32;
inline constexpr std::size_t kDeviceBytesMax = 120;

struct SessionInfo {
  std::string id;
  std::string device;
  TimeMs created_at = 0;
  TimeMs last_used_at = 0;
};

class Sessions {
 public:
  explicit Sessions(store::Database& database) : database_(database) {}

  // A new one; its token is told here and nowhere else. `device`: make and system of the browser,
  // for its owner's list. `confirmed_at` 0: a password alone, where the account has more, or less.
  Outcome<Secret> Begin(std::string_view account_id, std::string_view device, TimeMs confirmed_at,
                        TimeMs now);

  // Who it is of. Errors: kUnauthenticated (none such, or it is over), kAccountPaused with the
  // restriction's words.
  Outcome<Identity> Find(std::string_view token, TimeMs now);
  // It has shown anew that it is them.
  Outcome<void> Confirm(std::string_view session_id, TimeMs now);
  // Its owner has shown a provider anew who they are.
  Outcome<void> ConfirmProviderLogin(std::string_view session_id, TimeMs now);

  Outcome<std::vector<SessionInfo>> List(std::string_view account_id, TimeMs now);
  // Errors: kNotFound, also when it is another account's.
  Outcome<void> End(std::string_view account_id, std::string_view session_id);
  // All of the account but `kept`, which may be empty.
  Outcome<void> EndOthers(std::string_view account_id, std::string_view kept);

 private:
  store::Database& database_;
};

}  // namespace holdfast::accounts
