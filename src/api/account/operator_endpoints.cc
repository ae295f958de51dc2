#include <utility>

#include "accounts/names.h"
#include "api/account/account_json.h"
#include "api/account/endpoints.h"
#include "api/query.h"

namespace holdfast::api {
namespace {

using accounts::Accounts;
using accounts::Outcome;
using http::Method;

constexpr std::int64_t kTimeMax = 1LL << 53;
constexpr std::size_t kRestrictionBytesMax = 500;
constexpr std::size_t kMailShown = 200;

Outcome<std::string> FromQuery(const Asked& asked, std::string_view key) {
  constexpr std::size_t kBytesMax = 256;
  const auto value = QueryValue(asked.query, key, kBytesMax);
  if (!value) return accounts::Refuse(Reason::kBadRequest, value.error().message);
  return value->value_or("");
}

std::string_view StateOf(const accounts::Account& account, accounts::TimeMs now) {
  return account.IsRestricted(now) ? "restricted" : accounts::StateWord(account.state);
}

Outcome<Answered> ListAccounts(Accounts& desk, const Asked& asked) {
  TRY_ASSIGN(const std::string query, FromQuery(asked, "query"));
  TRY_ASSIGN(const std::string cursor, FromQuery(asked, "cursor"));
  TRY_ASSIGN(const auto page, desk.people().List(query, cursor));
  json::Array list;
  for (const accounts::Account& account : page.accounts) {
    TRY_ASSIGN(const auto factors, desk.FactorsOf(account.id));
    json::Object object = AccountJson(account, factors);
    object["state"] = StateOf(account, asked.now);
    object["last_seen_at"] = account.last_seen_at;
    object["tokens_per_day"] = OrNull(account.tokens_per_day);
    object["requests_at_once"] = OrNull(account.requests_at_once);
    TRY_ASSIGN(object["tokens_today"], desk.ledger().TokensToday(account.id, asked.now));
    list.push_back(std::move(object));
  }
  return Answered{200, json::Object{{"accounts", std::move(list)}, {"next", OrNull(page.next)}}};
}

Outcome<Answered> Approve(Accounts& desk, const Asked& asked) {
  TRY(desk.Record(audit::EventKind::kAccountApproved, asked.who.account_id, asked.params.at("id")));
  TRY(desk.people().EndProbation(asked.params.at("id")));
  TRY(desk.people().SetState(asked.params.at("id"), accounts::State::kActive));
  return Answered{204, nullptr};
}

Outcome<Answered> Restrict(Accounts& desk, const Asked& asked) {
  accounts::Restriction restriction;
  TRY_ASSIGN(restriction.reason, Text(asked.body, "reason", kRestrictionBytesMax));
  TRY_ASSIGN(restriction.until, Number(asked.body, "until", 0, kTimeMax));
  if (restriction.reason.empty()) {
    return accounts::Refuse(Reason::kBadRequest, "A restriction needs a `reason`.");
  }
  if (asked.params.at("id") == asked.who.account_id) {
    return accounts::Refuse(Reason::kConflict, "Operators cannot restrict themselves.");
  }
  TRY(desk.Record(audit::EventKind::kAccountRestricted, asked.who.account_id,
                  asked.params.at("id")));
  TRY(desk.people().Restrict(asked.params.at("id"), restriction));
  return Answered{204, nullptr};
}

Outcome<Answered> Unrestrict(Accounts& desk, const Asked& asked) {
  TRY(desk.Record(audit::EventKind::kAccountUnrestricted, asked.who.account_id,
                  asked.params.at("id")));
  TRY(desk.people().Unrestrict(asked.params.at("id")));
  return Answered{204, nullptr};
}

Outcome<Answered> EndSessions(Accounts& desk, const Asked& asked) {
  const std::string& id = asked.params.at("id");
  TRY_ASSIGN(const auto account, desk.people().Find(id));
  if (!account) return accounts::Refuse(Reason::kNotFound, "no such account");
  TRY(desk.Record(audit::EventKind::kSessionRevoked, asked.who.account_id, id));
  TRY(desk.sessions().EndOthers(id, ""));
  return Answered{204, nullptr};
}

// What is left out stays as it is.
Outcome<Answered> SetQuota(Accounts& desk, const Asked& asked) {
  const bool has_tokens = asked.body.contains("tokens_per_day");
  const bool has_at_once = asked.body.contains("requests_at_once");
  if (!has_tokens && !has_at_once) {
    return accounts::Refuse(Reason::kBadRequest,
                            "A quota has `tokens_per_day` or `requests_at_once`.");
  }
  TRY_ASSIGN(const auto tokens, Number(asked.body, "tokens_per_day", 0, kTimeMax));
  TRY_ASSIGN(const auto at_once,
             Number(asked.body, "requests_at_once", 0, accounts::kRequestsAtOnceMax));
  TRY(desk.Record(audit::EventKind::kQuotaChanged, asked.who.account_id, asked.params.at("id")));
  const std::string& id = asked.params.at("id");
  if (has_tokens) TRY(desk.people().SetTokensPerDay(id, tokens));
  if (has_at_once) TRY(desk.people().SetRequestsAtOnce(id, at_once));
  return Answered{204, nullptr};
}

Outcome<Answered> ListInvitations(Accounts& desk, const Asked&) {
  TRY_ASSIGN(const auto list, desk.invitations().List());
  json::Array invitations;
  for (const accounts::Invitation& one : list) invitations.push_back(InvitationJson(one));
  return Answered{200, json::Object{{"invitations", std::move(invitations)}}};
}

Outcome<Answered> Invite(Accounts& desk, const Asked& asked) {
  TRY_ASSIGN(const std::string note, Text(asked.body, "note", accounts::kInvitationNoteBytesMax));
  TRY_ASSIGN(const auto uses, Number(asked.body, "uses", 1, accounts::kInvitationUsesMax));
  TRY_ASSIGN(const auto expires_at, Number(asked.body, "expires_at", 0, kTimeMax));
  TRY(desk.Record(audit::EventKind::kInvitationCreated, asked.who.account_id, ""));
  TRY_ASSIGN(const auto made,
             desk.invitations().Make(note, uses.value_or(1), expires_at, asked.now));
  json::Object body = InvitationJson(made.invitation);
  body["code"] = made.code.Reveal();
  body["url"] = fmt::format("{}/#/sign-up?invitation={}", desk.public_url(), made.code.Reveal());
  return Answered{201, std::move(body)};
}

Outcome<Answered> RevokeInvitation(Accounts& desk, const Asked& asked) {
  TRY(desk.Record(audit::EventKind::kInvitationRevoked, asked.who.account_id,
                  asked.params.at("id")));
  TRY(desk.invitations().Revoke(asked.params.at("id")));
  return Answered{204, nullptr};
}

json::Object RulesJson(const accounts::RegistrationRules& rules) {
  return {{"mode", accounts::ModeWord(rules.mode)},
          {"domains", json::Array(rules.domains.begin(), rules.domains.end())}};
}

Outcome<Answered> GetRegistration(Accounts& desk, const Asked&) {
  return Answered{200, RulesJson(desk.registration().rules())};
}

Outcome<Answered> SetRegistration(Accounts& desk, const Asked& asked) {
  TRY_ASSIGN(const std::string word, Text(asked.body, "mode", 32));
  const std::optional<accounts::Mode> mode = accounts::FindMode(word);
  if (!mode) return accounts::Refuse(Reason::kBadRequest, "There is no such `mode`.");
  TRY_ASSIGN(const auto domains,
             Texts(asked.body, "domains", accounts::kDomainsMax, accounts::kEmailBytesMax));
  TRY(desk.Record(audit::EventKind::kRegistrationModeChanged, asked.who.account_id, "",
                  {{"mode", word}}));
  TRY(desk.registration().SetRules(*mode, domains, asked.now));
  return Answered{200, RulesJson(desk.registration().rules())};
}

Outcome<Answered> ListMail(Accounts& desk, const Asked&) {
  TRY_ASSIGN(const auto list, desk.outbox().List(kMailShown));
  json::Array messages;
  // Where a mail server takes it, nobody here has to read it.
  const bool shows_text = !desk.has_mail_server();
  for (const accounts::Mail& one : list) messages.push_back(MailJson(one, shows_text));
  return Answered{200, json::Object{{"messages", std::move(messages)}}};
}

constexpr std::string_view kObject = R"({"type": "object"})";

DeskRow Row(Method method, std::string pattern, DeskWork work, Documentation documentation) {
  // What changes something could do harm.
  return DeskRow{.method = method,
                 .pattern = std::move(pattern),
                 .access = Access::kOperator,
                 .work = std::move(work),
                 .documentation = std::move(documentation),
                 .needs_fresh = method != Method::kGet};
}

std::vector<DeskRow> AccountRows() {
  return {
      Row(Method::kGet, "/api/admin/accounts", ListAccounts,
          {.id = "listAccounts", .summary = "All accounts, in pages.", .answer_schema = kObject}),
      Row(Method::kPost, "/api/admin/accounts/{id}/approve", Approve,
          {.id = "approveAccount",
           .summary = "Says yes to one that waits, or is on probation.",
           .status = 204,
           .statuses = {404}}),
      Row(Method::kPost, "/api/admin/accounts/{id}/restrict", Restrict,
          {.id = "restrictAccount",
           .summary = "Locks an account out, with a reason and an end.",
           .status = 204,
           .statuses = {404, 409}}),
      Row(Method::kPost, "/api/admin/accounts/{id}/unrestrict", Unrestrict,
          {.id = "unrestrictAccount",
           .summary = "Lifts a restriction.",
           .status = 204,
           .statuses = {404}}),
      Row(Method::kPost, "/api/admin/accounts/{id}/end-sessions", EndSessions,
          {.id = "endSessions",
           .summary = "Logs an account out everywhere.",
           .status = 204,
           .statuses = {404}}),
      Row(Method::kPost, "/api/admin/accounts/{id}/quota", SetQuota,
          {.id = "setQuota",
           .summary = "Tokens a day and requests at once; null: as the service has it.",
           .status = 204,
           .statuses = {404}}),
  };
}

std::vector<DeskRow> ServiceRows() {
  std::vector<DeskRow> rows = {
      Row(Method::kGet, "/api/admin/invitations", ListInvitations,
          {.id = "listInvitations", .summary = "All invitations.", .answer_schema = kObject}),
      Row(Method::kPost, "/api/admin/invitations", Invite,
          {.id = "invite",
           .summary = "A new invitation, whose code is told once.",
           .answer_schema = kObject,
           .status = 201,
           .statuses = {409}}),
      Row(Method::kDelete, "/api/admin/invitations/{id}", RevokeInvitation,
          {.id = "revokeInvitation",
           .summary = "Revokes an invitation.",
           .status = 204,
           .statuses = {404}}),
      Row(Method::kGet, "/api/admin/registration", GetRegistration,
          {.id = "getRegistration",
           .summary = "The mode of registration.",
           .answer_schema = kObject}),
      Row(Method::kPut, "/api/admin/registration", SetRegistration,
          {.id = "setRegistration",
           .summary = "Switches the mode of registration.",
           .answer_schema = kObject}),
      Row(Method::kGet, "/api/admin/outbox", ListMail,
          {.id = "listMail",
           .summary = "Mail, the latest first; its text where there is no mail server.",
           .answer_schema = kObject}),
  };
  // Its links let whoever reads them in.
  rows.back().needs_fresh = true;
  return rows;
}

}  // namespace

std::vector<Endpoint> OperatorEndpoints(const AccountDesk& desk) {
  std::vector<Endpoint> endpoints;
  for (auto& rows : {AccountRows(), ServiceRows()}) {
    for (const DeskRow& row : rows) endpoints.push_back(DeskEndpoint(desk, row));
  }
  return endpoints;
}

}  // namespace holdfast::api
