// ApiKeys: what programs log in with. "sk-" and 256 random bits, told once. Thread-safe; blocks.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/account.h"
#include "base/secret.h"
#include "store/database.h"

namespace holdfast::accounts {

inline constexpr std::string_view kKeyPrefix = "sk-";
inline constexpr std::size_t kKeysMax = 100;  // Of one account.
inline constexpr std::size_t kKeyNameBytesMax = 100;
inline constexpr std::size_t kScopeEntriesMax = 50;
inline constexpr std::size_t kScopeEntryBytesMax = 200;

struct NewKey {
  std::string name;
  KeyScope scope;
  std::optional<TimeMs> expires_at;
  std::optional<std::int64_t> tokens_per_day = {};
  std::optional<std::int64_t> requests_at_once = {};  // At least 1.
};

struct KeyInfo {
  std::string id;
  std::string name;
  std::string prefix;  // "sk-AbCd", enough to know it by.
  TimeMs created_at = 0;
  std::optional<TimeMs> last_used_at;
  std::optional<TimeMs> expires_at;
  KeyScope scope;
  std::optional<std::int64_t> tokens_per_day;
  std::optional<std::int64_t> requests_at_once;
};

struct MadeKey {
  Secret key;
  KeyInfo info;
};

class ApiKeys {
 public:
  explicit ApiKeys(store::Database& database) : database_(database) {}

  // Errors: kBadRequest (over a limit of its fields), kConflict (kKeysMax).
  Outcome<MadeKey> Make(std::string_view account_id, const NewKey& key, TimeMs now);
  // Errors: kUnauthenticated (none such, or expired), kAccountPaused.
  Outcome<Identity> Find(std::string_view key, TimeMs now);
  Outcome<std::vector<KeyInfo>> List(std::string_view account_id);
  // Errors: kNotFound.
  Outcome<void> Revoke(std::string_view account_id, std::string_view key_id);

 private:
  store::Database& database_;
};

}  // namespace holdfast::accounts
