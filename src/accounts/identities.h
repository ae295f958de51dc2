// Identities: whom other services (OpenID providers) know an account's owner as. One is an issuer
// and the subject that it calls somebody, which is all that never changes and is never given to
// another; a mail address is neither. An account has one of each issuer at most, and an identity is
// of one account. Thread-safe; blocks.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/account.h"
#include "store/database.h"

namespace holdfast::accounts {

struct ProviderIdentity {
  std::string issuer;
  std::string subject;
};

struct LinkedIdentity {
  std::string issuer;
  TimeMs linked_at = 0;
  std::optional<TimeMs> last_used_at;
};

// For a transaction of another table's. Errors: kAlreadyExists.
[[nodiscard]] Result<void> InsertIdentity(store::Transaction& t, std::string_view account_id,
                                          const ProviderIdentity& identity, TimeMs now);

class Identities {
 public:
  explicit Identities(store::Database& database) : database_(database) {}

  // The account's id.
  Outcome<std::optional<std::string>> Find(const ProviderIdentity& identity);
  // It was used to log in.
  Outcome<void> Touch(const ProviderIdentity& identity, TimeMs now);
  Outcome<std::vector<LinkedIdentity>> List(std::string_view account_id);
  // Errors: kConflict: it is another account's, or the account has one of this issuer.
  Outcome<void> Link(std::string_view account_id, const ProviderIdentity& identity, TimeMs now);
  // Errors: kNotFound; kConflict: without it, nobody could log in to the account.
  Outcome<void> Unlink(std::string_view account_id, std::string_view issuer);

 private:
  store::Database& database_;
};

}  // namespace holdfast::accounts
