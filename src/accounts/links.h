// Links: tokens that are good once, for a while: of a mail (verify an address, reset a password),
// of the first set-up, and between a right password and the second factor. Thread-safe; blocks.
#pragma once

#include <string>
#include <string_view>

#include "accounts/account.h"
#include "base/secret.h"
#include "store/database.h"

namespace holdfast::accounts {

enum class LinkKind : std::uint8_t { kVerifyEmail, kResetPassword, kSetUp, kSecondFactor };

// How long one of that kind is good.
TimeMs LifeOf(LinkKind kind);

class Links {
 public:
  explicit Links(store::Database& database) : database_(database) {}

  // A new one; those of that kind that the account had before are of no use any more. `account_id`
  // is empty for kSetUp.
  Outcome<Secret> Make(LinkKind kind, std::string_view account_id, TimeMs now);
  // Whose it is, without using it up. Errors: kNotFound (none such, used, or too old).
  Outcome<std::string> Look(LinkKind kind, std::string_view token, TimeMs now);
  // Uses it up: of several who come with it at once, one gets the account's id.
  Outcome<std::string> Use(LinkKind kind, std::string_view token, TimeMs now);

 private:
  store::Database& database_;
};

}  // namespace holdfast::accounts
