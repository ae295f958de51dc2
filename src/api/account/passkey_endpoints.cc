#include <utility>

#include "api/account/endpoints.h"
#include "api/account/passkey_json.h"
#include "api/account/welcome.h"

namespace holdfast::api {
namespace {

using accounts::Accounts;
using accounts::Outcome;
using accounts::PasskeyAsker;
using accounts::PasskeyPurpose;
using accounts::RelyingParty;
using http::Method;

constexpr std::string_view kObject = R"({"type": "object"})";
constexpr std::string_view kOptions = R"({"type": "object", "required": ["publicKey"]})";

Outcome<RelyingParty> PartyOf(const Accounts& desk, const Asked& asked) {
  std::optional<RelyingParty> party = desk.PasskeyParty(asked.host, asked.is_encrypted);
  if (party) return std::move(*party);
  return accounts::Refuse(Reason::kUnsupported,
                          "Passkeys are of the service's public address, which is one of HTTPS "
                          "with a name, or of localhost.");
}

Answered Options(json::Object options) {
  return {200, json::Object{{"publicKey", std::move(options)}}};
}

Outcome<Answered> LogInOptions(Accounts& desk, const Asked& asked) {
  TRY_ASSIGN(const RelyingParty party, PartyOf(desk, asked));
  const std::string challenge = desk.passkey_desk().Challenge({}, asked.now);
  return Options(RequestOptions(party, {}, challenge));
}

Outcome<Answered> LogIn(Accounts& desk, const Asked& asked) {
  TRY_ASSIGN(const RelyingParty party, PartyOf(desk, asked));
  TRY_ASSIGN(const auto answer, ReadAnswer(asked.body));
  TRY_ASSIGN(const auto in, desk.LogInWithPasskey(answer, party, asked.device, asked.now));
  return Welcome(desk, in, 200, asked);
}

Outcome<Answered> List(Accounts& desk, const Asked& asked) {
  TRY_ASSIGN(const auto list, desk.passkey_desk().passkeys().List(asked.who.account_id));
  json::Array passkeys;
  for (const accounts::PasskeyInfo& one : list) passkeys.push_back(PasskeyJson(one));
  return Answered{200, json::Object{{"passkeys", std::move(passkeys)},
                                    {"passkeys_max", accounts::kPasskeysMax}}};
}

Outcome<Answered> EnrolOptions(Accounts& desk, const Asked& asked) {
  TRY_ASSIGN(const RelyingParty party, PartyOf(desk, asked));
  TRY_ASSIGN(const auto known, desk.passkey_desk().passkeys().List(asked.who.account_id));
  const PasskeyAsker asker{PasskeyPurpose::kEnrol, asked.who.session_id, asked.who.account_id};
  const std::string challenge = desk.passkey_desk().Challenge(asker, asked.now);
  return Options(CreationOptions(party, asked.who, known, challenge));
}

Outcome<Answered> Enrol(Accounts& desk, const Asked& asked) {
  TRY_ASSIGN(const RelyingParty party, PartyOf(desk, asked));
  TRY_ASSIGN(const std::string name, Text(asked.body, "name", accounts::kPasskeyNameBytesMax));
  TRY_ASSIGN(const auto registration, ReadRegistration(asked.body));
  TRY_ASSIGN(const auto added, desk.AddPasskey(asked.who, name, registration, party, asked.now));
  return Answered{201, PasskeyJson(added)};
}

Outcome<Answered> Rename(Accounts& desk, const Asked& asked) {
  TRY_ASSIGN(const std::string name, Text(asked.body, "name", accounts::kPasskeyNameBytesMax));
  TRY(desk.passkey_desk().passkeys().Rename(asked.who.account_id, asked.params.at("id"), name));
  return Answered{204, nullptr};
}

Outcome<Answered> Remove(Accounts& desk, const Asked& asked) {
  TRY(desk.RemovePasskey(asked.who, asked.params.at("id")));
  return Answered{204, nullptr};
}

Outcome<Answered> ConfirmOptions(Accounts& desk, const Asked& asked) {
  TRY_ASSIGN(const RelyingParty party, PartyOf(desk, asked));
  TRY_ASSIGN(const auto own, desk.passkey_desk().passkeys().List(asked.who.account_id));
  if (own.empty()) return accounts::Refuse(Reason::kConflict, "This account has no passkey.");
  const PasskeyAsker asker{PasskeyPurpose::kConfirm, asked.who.session_id, asked.who.account_id};
  const std::string challenge = desk.passkey_desk().Challenge(asker, asked.now);
  return Options(RequestOptions(party, own, challenge));
}

Outcome<Answered> Confirm(Accounts& desk, const Asked& asked) {
  accounts::Proof proof;
  TRY_ASSIGN(proof.password, SecretText(asked.body, "password"));
  TRY_ASSIGN(proof.code, Text(asked.body, "code", 64));
  if (asked.body.contains("credential")) {
    TRY_ASSIGN(proof.passkey, ReadAnswer(asked.body));
  }
  const auto party = desk.PasskeyParty(asked.host, asked.is_encrypted);
  TRY(desk.Confirm(asked.who, proof, party, asked.now));
  return Answered{204, nullptr};
}

std::vector<DeskRow> EntranceRows() {
  return {
      // A challenge costs next to nothing, so the guard is asked when somebody comes back with it.
      {.method = Method::kPost,
       .pattern = "/api/session/passkey/options",
       .access = Access::kMaybeAccount,
       .work = LogInOptions,
       .documentation = {.id = "passkeyLogInOptions",
                         .summary = "What navigator.credentials.get is called with to log in.",
                         .answer_schema = kOptions,
                         .statuses = {400}}},
      {.method = Method::kPost,
       .pattern = "/api/session/passkey",
       .access = Access::kMaybeAccount,
       .work = LogIn,
       .documentation = {.id = "logInWithPasskey",
                         .summary = "A session, by a passkey alone.",
                         .answer_schema = R"({"type": "object", "required": ["account"]})",
                         .statuses = {401}},
       .kind = guard::Route::kLogin},
      {.method = Method::kPost,
       .pattern = "/api/me/confirm/options",
       .work = ConfirmOptions,
       .documentation = {.id = "confirmOptions",
                         .summary = "What navigator.credentials.get is called with to confirm.",
                         .answer_schema = kOptions,
                         .statuses = {409}}},
      {.method = Method::kPost,
       .pattern = "/api/me/confirm",
       .work = Confirm,
       .documentation = {.id = "confirm",
                         .summary = "Shows again who it is, for what asks for it: a passkey, a "
                                    "code, or where there is neither, the password.",
                         .status = 204},
       .kind = guard::Route::kLogin},
  };
}

std::vector<DeskRow> OwnRows() {
  return {
      {.pattern = "/api/me/passkeys",
       .work = List,
       .documentation = {.id = "listPasskeys",
                         .summary = "The passkeys of this account.",
                         .answer_schema = kObject}},
      {.method = Method::kPost,
       .pattern = "/api/me/passkeys/options",
       .work = EnrolOptions,
       .documentation = {.id = "passkeyOptions",
                         .summary = "What navigator.credentials.create is called with.",
                         .answer_schema = kOptions},
       .needs_fresh = true},
      {.method = Method::kPost,
       .pattern = "/api/me/passkeys",
       .work = Enrol,
       .documentation = {.id = "addPasskey",
                         .summary = "A new passkey.",
                         .answer_schema = kObject,
                         .status = 201,
                         .statuses = {409}},
       .needs_fresh = true},
      {.method = Method::kPatch,
       .pattern = "/api/me/passkeys/{id}",
       .work = Rename,
       .documentation = {.id = "renamePasskey",
                         .summary = "A new name of a passkey.",
                         .status = 204,
                         .statuses = {404}}},
      {.method = Method::kDelete,
       .pattern = "/api/me/passkeys/{id}",
       .work = Remove,
       .documentation = {.id = "removePasskey",
                         .summary = "Removes a passkey: it lets nobody in any more.",
                         .status = 204,
                         .statuses = {404}},
       .needs_fresh = true},
  };
}

}  // namespace

std::vector<Endpoint> PasskeyEndpoints(const AccountDesk& desk) {
  std::vector<Endpoint> endpoints;
  for (DeskRow& row : EntranceRows()) endpoints.push_back(DeskEndpoint(desk, std::move(row)));
  for (DeskRow& row : OwnRows()) endpoints.push_back(DeskEndpoint(desk, std::move(row)));
  return endpoints;
}

}  // namespace holdfast::api
