#include <algorithm>
#include <utility>

#include "api/account/account_json.h"
#include "api/account/endpoints.h"
#include "api/account/session_cookie.h"
#include "api/account/square_code.h"
#include "crypto/encoding.h"
#include "crypto/totp.h"

namespace holdfast::api {
namespace {

using accounts::Accounts;
using accounts::Outcome;
using http::Method;

// Far enough for any expiry, and exact in JavaScript's numbers.
constexpr std::int64_t kTimeMax = 1LL << 53;
constexpr std::int64_t kTokensMax = 1LL << 53;

Outcome<Answered> Rename(Accounts& desk, const Asked& asked) {
  TRY_ASSIGN(const std::string name, Text(asked.body, "name"));
  TRY(desk.people().Rename(asked.who.account_id, name));
  return Answered{204, nullptr};
}

Outcome<Answered> ChangePassword(Accounts& desk, const Asked& asked) {
  TRY_ASSIGN(const Secret current, SecretText(asked.body, "current"));
  TRY_ASSIGN(const Secret next, SecretText(asked.body, "new"));
  TRY(desk.ChangePassword(asked.who, current, next, asked.now));
  return Answered{204, nullptr};
}

Outcome<Answered> ListSessions(Accounts& desk, const Asked& asked) {
  TRY_ASSIGN(const auto list, desk.sessions().List(asked.who.account_id, asked.now));
  json::Array sessions;
  for (const accounts::SessionInfo& session : list) {
    sessions.push_back(json::Object{{"id", session.id},
                                    {"device", session.device},
                                    {"created_at", session.created_at},
                                    {"last_used_at", session.last_used_at},
                                    {"current", session.id == asked.who.session_id}});
  }
  return Answered{200, json::Object{{"sessions", std::move(sessions)}}};
}

Outcome<Answered> EndSession(Accounts& desk, const Asked& asked) {
  TRY(desk.Record(audit::EventKind::kSessionRevoked, asked.who.account_id, asked.params.at("id")));
  TRY(desk.sessions().End(asked.who.account_id, asked.params.at("id")));
  return Answered{204, nullptr};
}

Outcome<Answered> EndOtherSessions(Accounts& desk, const Asked& asked) {
  TRY(desk.Record(audit::EventKind::kSessionRevoked, asked.who.account_id, asked.who.account_id));
  TRY(desk.sessions().EndOthers(asked.who.account_id, asked.who.session_id));
  return Answered{204, nullptr};
}

Outcome<Answered> BeginTotp(Accounts& desk, const Asked& asked) {
  TRY_ASSIGN(const Secret password, SecretText(asked.body, "password"));
  TRY(desk.CheckOwner(asked.who, password, asked.now));
  TRY_ASSIGN(const Secret key, desk.second_factor().Begin(asked.who.account_id));
  const Secret uri = crypto::TotpUri(key, "Holdfast", asked.who.name);
  return Answered{200, json::Object{{"secret", crypto::EncodeBase32(key.Reveal())},
                                    {"uri", uri.Reveal()},
                                    {"qr_svg", SquareCodeSvg(uri.Reveal())}}};
}

Outcome<Answered> ConfirmTotp(Accounts& desk, const Asked& asked) {
  TRY_ASSIGN(const std::string code, Text(asked.body, "code", 64));
  TRY(desk.Record(audit::EventKind::kSecondFactorAdded, asked.who.account_id,
                  asked.who.account_id));
  TRY_ASSIGN(const auto codes, desk.second_factor().Confirm(asked.who.account_id, code, asked.now));
  json::Array list;
  for (const Secret& one : codes) list.emplace_back(one.Reveal());
  return Answered{200, json::Object{{"recovery_codes", std::move(list)}}};
}

Outcome<Answered> RemoveTotp(Accounts& desk, const Asked& asked) {
  TRY_ASSIGN(const Secret password, SecretText(asked.body, "password"));
  TRY_ASSIGN(const std::string code, Text(asked.body, "code", 64));
  TRY(desk.CheckOwner(asked.who, password, asked.now));
  TRY(desk.second_factor().Check(asked.who.account_id, code, asked.now));
  TRY(desk.Record(audit::EventKind::kSecondFactorRemoved, asked.who.account_id,
                  asked.who.account_id));
  TRY(desk.second_factor().Remove(asked.who.account_id));
  return Answered{204, nullptr};
}

std::int64_t TokensOf(const accounts::UsageReport& report, std::string_view key_id) {
  for (const accounts::KeyUsage& usage : report.keys) {
    if (usage.key_id == key_id) return usage.tokens;
  }
  return 0;
}

Outcome<Answered> ListKeys(Accounts& desk, const Asked& asked) {
  TRY_ASSIGN(const auto list, desk.keys().List(asked.who.account_id));
  TRY_ASSIGN(const auto report, desk.ledger().Report(asked.who.account_id, asked.now));
  json::Array keys;
  for (const accounts::KeyInfo& key : list) {
    keys.push_back(KeyJson(key, TokensOf(report, key.id)));
  }
  return Answered{200, json::Object{{"keys", std::move(keys)}}};
}

Outcome<Answered> MakeKey(Accounts& desk, const Asked& asked) {
  accounts::NewKey key;
  TRY_ASSIGN(key.name, Text(asked.body, "name", accounts::kKeyNameBytesMax));
  TRY_ASSIGN(key.scope.models, Texts(asked.body, "models", accounts::kScopeEntriesMax,
                                     accounts::kScopeEntryBytesMax));
  TRY_ASSIGN(key.scope.routes, Texts(asked.body, "routes", accounts::kScopeEntriesMax,
                                     accounts::kScopeEntryBytesMax));
  TRY_ASSIGN(key.expires_at, Number(asked.body, "expires_at", 0, kTimeMax));
  TRY_ASSIGN(key.tokens_per_day, Number(asked.body, "tokens_per_day", 0, kTokensMax));
  TRY_ASSIGN(key.requests_at_once,
             Number(asked.body, "requests_at_once", 1, accounts::kRequestsAtOnceMax));
  TRY(desk.Record(audit::EventKind::kKeyCreated, asked.who.account_id, asked.who.account_id));
  TRY_ASSIGN(const auto made, desk.keys().Make(asked.who.account_id, key, asked.now));
  json::Object body = KeyJson(made.info, 0);
  body["key"] = made.key.Reveal();
  return Answered{201, std::move(body)};
}

Outcome<Answered> RevokeKey(Accounts& desk, const Asked& asked) {
  TRY(desk.Record(audit::EventKind::kKeyRevoked, asked.who.account_id, asked.params.at("id")));
  TRY(desk.keys().Revoke(asked.who.account_id, asked.params.at("id")));
  return Answered{204, nullptr};
}

Outcome<Answered> Usage(Accounts& desk, const Asked& asked) {
  TRY_ASSIGN(const auto report, desk.ledger().Report(asked.who.account_id, asked.now));
  TRY_ASSIGN(const auto keys, desk.keys().List(asked.who.account_id));
  return Answered{200, UsageJson(report, keys)};
}

// What of an account is left, and until when.
json::Object BackupsObject(const std::vector<accounts::KeptBackup>& backups) {
  json::Object object{{"kept_until", nullptr}};
  json::Array each;
  accounts::TimeMs kept_until = 0;
  for (const accounts::KeptBackup& backup : backups) {
    each.push_back(json::Object{{"made_at", backup.made_at}, {"kept_until", backup.kept_until}});
    kept_until = std::max(kept_until, backup.kept_until);
  }
  object["made"] = std::move(each);
  if (backups.empty()) {
    object["note"] = "There is no backup that holds it.";
    return object;
  }
  object["kept_until"] = kept_until;
  object["note"] =
      "Backups that were made before hold your account, and your sealed conversations with their "
      "key. The operator deletes the last of them then.";
  return object;
}

Outcome<Answered> Leave(Accounts& desk, const Asked& asked) {
  TRY_ASSIGN(const Secret password, SecretText(asked.body, "password"));
  TRY_ASSIGN(const auto receipt, desk.Leave(asked.who, password, asked.now));
  json::Object body;
  body["id"] = receipt.id;
  body["deleted_at"] = receipt.deleted_at;
  body["what"] = json::Array{
      "The account with its name, mail address, password, linked log-ins, second factor, sessions, "
      "API keys and use.",
      "The key under which your conversations were sealed. Without it nobody can read them."};
  body["backups"] = BackupsObject(receipt.backups);
  return Answered{
      200, json::Object{{"receipt", std::move(body)}}, {SessionCookie("", asked.is_encrypted)}};
}

constexpr std::string_view kObject = R"({"type": "object"})";

std::vector<DeskRow> CredentialRows() {
  return {
      {.method = Method::kPatch,
       .pattern = "/api/me",
       .work = Rename,
       .documentation =
           {.id = "rename", .summary = "A new name.", .status = 204, .statuses = {409}}},
      {.method = Method::kPost,
       .pattern = "/api/me/password",
       .work = ChangePassword,
       .documentation = {.id = "changePassword",
                         .summary = "A new password; all other sessions end.",
                         .status = 204},
       .kind = guard::Route::kLogin,
       .needs_fresh = true},
      {.pattern = "/api/me/sessions",
       .work = ListSessions,
       .documentation = {.id = "listSessions",
                         .summary = "Where this account is logged in.",
                         .answer_schema = kObject}},
      {.method = Method::kDelete,
       .pattern = "/api/me/sessions/{id}",
       .work = EndSession,
       .documentation =
           {.id = "endSession", .summary = "Ends a session.", .status = 204, .statuses = {404}}},
      {.method = Method::kDelete,
       .pattern = "/api/me/sessions",
       .work = EndOtherSessions,
       .documentation = {.id = "endOtherSessions",
                         .summary = "Ends all sessions but this one.",
                         .status = 204}},
      {.method = Method::kPost,
       .pattern = "/api/me/totp",
       .work = BeginTotp,
       .documentation = {.id = "beginTotp",
                         .summary = "The secret of an authenticator app, to be confirmed.",
                         .answer_schema = kObject,
                         .statuses = {409}},
       .kind = guard::Route::kLogin,
       .needs_fresh = true},
      {.method = Method::kPost,
       .pattern = "/api/me/totp/confirm",
       .work = ConfirmTotp,
       .documentation = {.id = "confirmTotp",
                         .summary =
                             "Turns the second factor on, and tells the recovery codes once.",
                         .answer_schema = kObject,
                         .statuses = {409}},
       .kind = guard::Route::kLogin},
      {.method = Method::kPost,
       .pattern = "/api/me/totp/remove",
       .work = RemoveTotp,
       .documentation = {.id = "removeTotp",
                         .summary = "Turns the second factor off.",
                         .status = 204},
       .kind = guard::Route::kLogin,
       .needs_fresh = true},
  };
}

std::vector<DeskRow> KeyRows() {
  return {
      {.pattern = "/api/me/keys",
       .work = ListKeys,
       .documentation = {.id = "listKeys",
                         .summary = "The API keys of this account, and what they used.",
                         .answer_schema = kObject,
                         .statuses = {404}}},
      {.method = Method::kPost,
       .pattern = "/api/me/keys",
       .work = MakeKey,
       .documentation = {.id = "makeKey",
                         .summary = "A new API key, which is told once.",
                         .answer_schema = kObject,
                         .status = 201,
                         .statuses = {409}},
       .needs_fresh = true},
      {.method = Method::kDelete,
       .pattern = "/api/me/keys/{id}",
       .work = RevokeKey,
       .documentation = {.id = "revokeKey",
                         .summary = "Revokes an API key at once.",
                         .status = 204,
                         .statuses = {404}}},
      {.pattern = "/api/me/usage",
       .work = Usage,
       .documentation = {.id = "usage",
                         .summary = "What this account has used, and what is left.",
                         .answer_schema = kObject,
                         .statuses = {404}}},
      {.method = Method::kPost,
       .pattern = "/api/me/delete",
       .work = Leave,
       .documentation = {.id = "deleteAccount",
                         .summary = "Deletes this account at once, and gives a receipt.",
                         .answer_schema = kObject,
                         .statuses = {404}},
       .kind = guard::Route::kLogin,
       .needs_fresh = true},
  };
}

}  // namespace

std::vector<Endpoint> OwnAccountEndpoints(const AccountDesk& desk) {
  std::vector<Endpoint> endpoints;
  for (DeskRow& row : CredentialRows()) endpoints.push_back(DeskEndpoint(desk, std::move(row)));
  for (DeskRow& row : KeyRows()) endpoints.push_back(DeskEndpoint(desk, std::move(row)));
  return endpoints;
}

}  // namespace holdfast::api
