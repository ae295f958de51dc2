// SecondFactor: one-time codes of an authenticator app (TOTP), and recovery codes for who has lost
// it. The app's secret is sealed under the account's data key; a code is taken once, and guessing
// one is slow (wrong_codes.h). A recovery code is too long to be guessed, so its owner always gets
// in. Thread-safe; blocks.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/account.h"
#include "accounts/wrong_codes.h"
#include "base/secret.h"
#include "crypto/sealed.h"
#include "store/database.h"

namespace holdfast::accounts {

// The key under which what is an account's own is sealed.
using DataKeys =
    std::function<Result<std::shared_ptr<const crypto::DataKey>>(std::string_view account_id)>;

inline constexpr std::size_t kRecoveryCodes = 10;

struct SecondFactorState {
  bool is_on = false;
  std::int64_t recovery_codes_left = 0;
};

// What an app shows, as against a recovery code.
bool IsAppCode(std::string_view code);

class SecondFactor {
 public:
  SecondFactor(store::Database& database, DataKeys keys)
      : database_(database), keys_(std::move(keys)) {}

  Outcome<SecondFactorState> StateOf(std::string_view account_id);
  // A new secret, which counts once a code of it was confirmed. Errors: kConflict (it is on).
  Outcome<Secret> Begin(std::string_view account_id);
  // Turns it on, and gives the recovery codes, which are told once. Errors: kWrongCredentials,
  // kConflict.
  Outcome<std::vector<Secret>> Confirm(std::string_view account_id, std::string_view code,
                                       TimeMs now);
  // A code of the app, or a recovery code, which is used up. Errors: kWrongCredentials, also for a
  // code that was used before; kYourRate, with when to come again (too many wrong ones in a row).
  Outcome<void> Check(std::string_view account_id, std::string_view code, TimeMs now);
  Outcome<void> Remove(std::string_view account_id);

 private:
  Outcome<void> CheckApp(std::string_view account_id, std::string_view code, bool is_confirmed,
                         TimeMs now);
  Outcome<void> UseRecoveryCode(std::string_view account_id, std::string_view code);

  store::Database& database_;
  const DataKeys keys_;
  WrongCodes wrong_codes_;
};

}  // namespace holdfast::accounts
