#include "api/account/passkey_json.h"

#include "accounts/client_data.h"
#include "api/account/account_json.h"
#include "crypto/encoding.h"
#include "crypto/passkey.h"

namespace holdfast::api {
namespace {

using accounts::Outcome;

constexpr std::string_view kType = "public-key";
// WebAuthn, section 5.1: at most 64.
constexpr std::size_t kHandleBytesMax = 64;

std::unexpected<accounts::Refused> RefuseCredential() {
  return accounts::Refuse(Reason::kBadRequest, "`credential` is not what a browser writes.");
}

json::Array IdsOf(const std::vector<accounts::PasskeyInfo>& passkeys) {
  json::Array ids;
  for (const accounts::PasskeyInfo& one : passkeys) {
    ids.push_back(
        json::Object{{"type", kType}, {"id", crypto::EncodeBase64Url(one.credential_id)}});
  }
  return ids;
}

// The bytes of a member; a missing one is no bytes.
Outcome<std::string> Bytes(const json::Object& object, std::string_view key,
                           std::size_t bytes_max) {
  const json::Value* const value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return std::string();
  if (!value->is_string()) return RefuseCredential();
  std::optional<std::string> bytes = crypto::DecodeBase64Url(std::string_view(value->get_string()));
  if (!bytes || bytes->size() > bytes_max) return RefuseCredential();
  return std::move(*bytes);
}

struct Credential {
  std::string id;
  const json::Object& response;
};

Outcome<Credential> ReadCredential(const json::Object& body) {
  const json::Value* const value = body.if_contains("credential");
  if (value == nullptr || !value->is_object()) return RefuseCredential();
  const json::Object& object = value->get_object();
  const json::Value* const type = object.if_contains("type");
  if (type == nullptr || !type->is_string() || type->get_string() != kType) {
    return RefuseCredential();
  }
  TRY_ASSIGN(std::string id, Bytes(object, "rawId", crypto::kCredentialIdBytesMax));
  TRY_ASSIGN(const std::string same, Bytes(object, "id", crypto::kCredentialIdBytesMax));
  const json::Value* const response = object.if_contains("response");
  if (id != same || response == nullptr || !response->is_object()) return RefuseCredential();
  return Credential{std::move(id), response->get_object()};
}

}  // namespace

json::Object CreationOptions(const accounts::RelyingParty& party, const accounts::Identity& who,
                             const std::vector<accounts::PasskeyInfo>& known,
                             const std::string& challenge) {
  json::Array algorithms;
  // The one that most have first.
  for (const auto algorithm : {crypto::PasskeyAlgorithm::kEs256, crypto::PasskeyAlgorithm::kEdDsa,
                               crypto::PasskeyAlgorithm::kRs256}) {
    algorithms.push_back(
        json::Object{{"type", kType}, {"alg", static_cast<std::int64_t>(algorithm)}});
  }
  json::Object options;
  options["rp"] = json::Object{{"id", party.id}, {"name", "Holdfast"}};
  // An account's id is random, and says nothing of a person to who finds the passkey.
  options["user"] = json::Object{{"id", crypto::EncodeBase64Url(who.account_id)},
                                 {"name", who.name},
                                 {"displayName", who.name}};
  options["challenge"] = challenge;
  options["pubKeyCredParams"] = std::move(algorithms);
  options["timeout"] = accounts::PasskeyChallenges::kLifeMs;
  options["excludeCredentials"] = IdsOf(known);
  options["authenticatorSelection"] = json::Object{
      {"residentKey", "required"}, {"requireResidentKey", true}, {"userVerification", "required"}};
  options["attestation"] = "none";
  return options;
}

json::Object RequestOptions(const accounts::RelyingParty& party,
                            const std::vector<accounts::PasskeyInfo>& allowed,
                            const std::string& challenge) {
  json::Object options;
  options["rpId"] = party.id;
  options["challenge"] = challenge;
  options["timeout"] = accounts::PasskeyChallenges::kLifeMs;
  options["allowCredentials"] = IdsOf(allowed);
  options["userVerification"] = "required";
  return options;
}

Outcome<accounts::PasskeyRegistration> ReadRegistration(const json::Object& body) {
  TRY_ASSIGN(const Credential credential, ReadCredential(body));
  accounts::PasskeyRegistration registration;
  TRY_ASSIGN(registration.client_data,
             Bytes(credential.response, "clientDataJSON", accounts::kClientDataBytesMax));
  TRY_ASSIGN(registration.attestation_object,
             Bytes(credential.response, "attestationObject", crypto::kAttestationBytesMax));
  return registration;
}

Outcome<accounts::PasskeyAnswer> ReadAnswer(const json::Object& body) {
  TRY_ASSIGN(Credential credential, ReadCredential(body));
  accounts::PasskeyAnswer answer;
  answer.credential_id = std::move(credential.id);
  TRY_ASSIGN(answer.client_data,
             Bytes(credential.response, "clientDataJSON", accounts::kClientDataBytesMax));
  TRY_ASSIGN(answer.authenticator_data,
             Bytes(credential.response, "authenticatorData", crypto::kAuthenticatorDataBytesMax));
  TRY_ASSIGN(answer.signature, Bytes(credential.response, "signature", crypto::kSignatureBytesMax));
  TRY_ASSIGN(answer.user_handle, Bytes(credential.response, "userHandle", kHandleBytesMax));
  return answer;
}

json::Object PasskeyJson(const accounts::PasskeyInfo& passkey) {
  return {{"id", passkey.id},
          {"name", passkey.name},
          {"created_at", passkey.created_at},
          {"last_used_at", OrNull(passkey.last_used_at)}};
}

}  // namespace holdfast::api
