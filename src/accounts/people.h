// People: the accounts themselves, in the database. Every call is one transaction. Thread-safe;
// blocks (see store/database.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/account.h"
#include "accounts/identities.h"
#include "store/database.h"

namespace holdfast::accounts {

struct NewAccount {
  std::string id = {};                    // Empty: a new one.
  std::string name = {};                  // As NameKey allows; kBadRequest otherwise.
  std::optional<std::string> email = {};  // As EmailKey allows.
  bool is_email_verified = false;
  std::string password_hash = {};  // Empty: nobody logs in by password.
  Role role = Role::kPerson;
  State state = State::kActive;
  std::optional<ProviderIdentity> identity = {};  // Linked with it from its first moment.
  TimeMs probation_until = 0;
};

struct AccountPage {
  std::vector<Account> accounts;
  std::optional<std::string> next;  // Cursor of the page after this; nullopt: the last.
};

// An account and what its password is checked against.
struct Credentials {
  Account account;
  std::string password_hash;
};

class People {
 public:
  static constexpr std::size_t kPageMax = 100;

  explicit People(store::Database& database) : database_(database) {}

  // Errors: kBadRequest; kNameTaken (the name); kConflict (the mail address, which nobody may be
  // told).
  Outcome<Account> Create(const NewAccount& account, TimeMs now) {
    return Insert(account, false, now);
  }
  // The first operator, and only if there is none. Errors beside those of Create: kConflict.
  Outcome<Account> CreateFirstOperator(NewAccount account, TimeMs now);
  Outcome<bool> HasOperator();

  Outcome<std::optional<Account>> Find(std::string_view id);
  // By name or by mail address.
  Outcome<std::optional<Credentials>> FindToLogIn(std::string_view name_or_email);
  Outcome<std::optional<Credentials>> FindCredentials(std::string_view id);
  Outcome<std::optional<Account>> FindByEmail(std::string_view email);

  // Oldest first; `query` is part of a name or mail address.
  Outcome<AccountPage> List(std::string_view query, std::string_view cursor);

  // Errors of all below: kNotFound.
  Outcome<void> Rename(std::string_view id, std::string_view name);
  Outcome<void> SetPasswordHash(std::string_view id, std::string_view hash);
  Outcome<void> SetState(std::string_view id, State state);
  Outcome<void> VerifyEmail(std::string_view id, TimeMs now);
  Outcome<void> EndProbation(std::string_view id);
  Outcome<void> Restrict(std::string_view id, const Restriction& restriction);
  Outcome<void> Unrestrict(std::string_view id);
  Outcome<void> SetTokensPerDay(std::string_view id, std::optional<std::int64_t> tokens);
  Outcome<void> SetRequestsAtOnce(std::string_view id, std::optional<std::int64_t> limit);
  Outcome<void> SetBalance(std::string_view id, std::optional<std::int64_t> tokens);
  // With all that hangs on it in the tables of this room.
  Outcome<void> Delete(std::string_view id);

 private:
  Outcome<Account> Insert(const NewAccount& account, bool must_be_first, TimeMs now);
  Outcome<void> Update(std::string_view sql, const store::Values& values);

  store::Database& database_;
};

}  // namespace holdfast::accounts
