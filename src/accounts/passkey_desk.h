// PasskeyDesk: the two ceremonies of passkeys, from the challenge to the proof. What a browser
// sends is as a stranger made it; what comes out of here is proven. Neither answer nor time tells
// whether a passkey that was shown is known: one that is not is checked against a key that nobody
// has. Thread-safe; blocks.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "accounts/account.h"
#include "accounts/passkey_challenges.h"
#include "accounts/passkeys.h"
#include "accounts/relying_party.h"
#include "crypto/passkey.h"
#include "store/database.h"

namespace holdfast::accounts {

// What a browser sends of a new passkey. Bytes.
struct PasskeyRegistration {
  std::string client_data;
  std::string attestation_object;
};

// What it sends of one that is shown. Bytes.
struct PasskeyAnswer {
  std::string credential_id;
  std::string client_data;
  std::string authenticator_data;
  std::string signature;
  std::string
      user_handle;  // The account's id, as the passkey remembers it; empty: it does not say.
};

// Whom a challenge was for, and who comes with it.
struct PasskeyAsker {
  PasskeyPurpose purpose = PasskeyPurpose::kLogIn;
  std::string session_id;  // Empty at a log-in.
  std::string account_id;  // Empty at a log-in: the passkey says it.
};

class PasskeyDesk {
 public:
  explicit PasskeyDesk(store::Database& database) : passkeys_(database) {}

  Passkeys& passkeys() { return passkeys_; }

  std::string Challenge(const PasskeyAsker& asker, TimeMs now) const {
    return challenges_.Make(asker.purpose, asker.session_id, now);
  }
  // Uses the challenge up. Errors: kBadRequest, in words for the person.
  Outcome<crypto::NewPasskey> CheckNew(const PasskeyRegistration& registration,
                                       const PasskeyAsker& asker, const RelyingParty& party,
                                       TimeMs now);
  // The id of the account whose passkey it is. Uses the challenge up and counts the passkey's use.
  // Errors: kWrongCredentials, whatever is wrong; the detail is for the log.
  Outcome<std::string> Check(const PasskeyAnswer& answer, const PasskeyAsker& asker,
                             const RelyingParty& party, TimeMs now);

 private:
  Result<std::string> CheckClientData(std::string_view client_data, const PasskeyAsker& asker,
                                      const RelyingParty& party, TimeMs now) const;

  Passkeys passkeys_;
  PasskeyChallenges challenges_;
};

}  // namespace holdfast::accounts
