// Passkeys in JSON, as WebAuthn writes them (Level 3, section 5.1.8): bytes are base64url. Pure.
#pragma once

#include <string>
#include <vector>

#include "accounts/accounts.h"
#include "json/json.h"

namespace holdfast::api {

// What navigator.credentials.create and .get are called with, and the calls of the body around it.
json::Object CreationOptions(const accounts::RelyingParty& party, const accounts::Identity& who,
                             const std::vector<accounts::PasskeyInfo>& known,
                             const std::string& challenge);
// `allowed`: empty: any that the browser finds.
json::Object RequestOptions(const accounts::RelyingParty& party,
                            const std::vector<accounts::PasskeyInfo>& allowed,
                            const std::string& challenge);

// The member `credential` of a body: what they answered. Errors: kBadRequest.
accounts::Outcome<accounts::PasskeyRegistration> ReadRegistration(const json::Object& body);
accounts::Outcome<accounts::PasskeyAnswer> ReadAnswer(const json::Object& body);

json::Object PasskeyJson(const accounts::PasskeyInfo& passkey);

}  // namespace holdfast::api
