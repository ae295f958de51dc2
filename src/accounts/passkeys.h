// Passkeys: the ones that people have, in the database. What they sign is checked in
// crypto/passkey.h, and what that is good for is said in accounts.h. Thread-safe; blocks.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/account.h"
#include "crypto/passkey.h"
#include "store/database.h"

namespace holdfast::accounts {

inline constexpr std::size_t kPasskeysMax = 20;  // Of one account.
inline constexpr std::size_t kPasskeyNameBytesMax = 100;

struct PasskeyInfo {
  std::string id;
  std::string name;
  std::string credential_id;  // Bytes.
  TimeMs created_at = 0;
  std::optional<TimeMs> last_used_at;
};

// A passkey, and whose it is.
struct StoredPasskey {
  std::string id;
  std::string account_id;
  crypto::PasskeyKey key;
  crypto::PasskeyState state;
};

class Passkeys {
 public:
  explicit Passkeys(store::Database& database) : database_(database) {}

  Outcome<std::vector<PasskeyInfo>> List(std::string_view account_id);
  Outcome<std::int64_t> CountOf(std::string_view account_id);
  // Errors: kBadRequest (the name), kConflict (kPasskeysMax, or somebody has this one already).
  Outcome<PasskeyInfo> Add(std::string_view account_id, std::string_view name,
                           const crypto::NewPasskey& passkey, TimeMs now);
  // Errors: kBadRequest (the name), kNotFound, also when it is another account's.
  Outcome<void> Rename(std::string_view account_id, std::string_view id, std::string_view name);
  // Errors: kNotFound, also when it is another account's.
  Outcome<void> Remove(std::string_view account_id, std::string_view id);

  Outcome<std::optional<StoredPasskey>> Find(std::string_view credential_id);
  // It was used. Errors: kWrongCredentials: its counter did not go up, so that there are two of it.
  Outcome<void> Use(std::string_view id, std::uint32_t sign_count, TimeMs now);

 private:
  store::Database& database_;
};

}  // namespace holdfast::accounts
