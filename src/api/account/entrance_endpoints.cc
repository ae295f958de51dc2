#include <utility>

#include "accounts/password_rules.h"
#include "api/account/account_json.h"
#include "api/account/endpoints.h"
#include "api/account/session_cookie.h"
#include "api/account/welcome.h"
#include "api/query.h"

namespace holdfast::api {
namespace {

using accounts::Accounts;
using accounts::LoggedIn;
using accounts::Mode;
using accounts::Outcome;
using guard::SignUpRung;
using http::Method;

constexpr std::string_view kAccountSchema = R"({"type": "object", "required": ["account"]})";

Outcome<Answered> Me(Accounts& desk, const ProviderDesk& providers, const Asked& asked) {
  json::Object body;
  body["account"] = nullptr;
  if (asked.who.has_session()) {
    TRY_ASSIGN(const auto account, desk.people().Find(asked.who.account_id));
    TRY_ASSIGN(const auto factors, desk.FactorsOf(asked.who.account_id));
    if (account) body["account"] = AccountJson(*account, factors);
  }
  TRY_ASSIGN(const bool has_operator, desk.people().HasOperator());
  body["anonymous"] = asked.may_be_anonymous;
  body["login"] = asked.is_encrypted || asked.is_local ? "ok" : "needs_https";
  body["setup_needed"] = !has_operator;
  json::Array names;
  for (const auto& provider : providers.providers()) {
    names.push_back(json::Object{{"id", provider->spec().id}, {"name", provider->spec().name}});
  }
  body["providers"] = std::move(names);
  const auto party = desk.PasskeyParty(asked.host, asked.is_encrypted);
  body["passkey_origin"] = OrNull(party ? std::optional(party->origin) : std::nullopt);
  return Answered{200, std::move(body)};
}

// In words for people.
std::string_view MeaningOf(Mode mode) {
  switch (mode) {
    case Mode::kOpen:
      return "Anyone can register.";
    case Mode::kEmail:
      return "Anyone with a mail address can register; a link in a mail confirms it.";
    case Mode::kDomains:
      return "Anyone with a mail address of the domains below can register.";
    case Mode::kInvitation:
      return "Registration needs an invitation.";
    case Mode::kApproval:
      return "Anyone can ask for an account; an operator says yes to each.";
    case Mode::kClosed:
      return "Nobody can register now.";
  }
  return "";
}

// The operator's, or what the guard has made of it: what lets fewer in of the two.
Mode ModeNow(Mode by_operator, SignUpRung rung) {
  if (by_operator == Mode::kClosed || rung == SignUpRung::kClosed) return Mode::kClosed;
  if (by_operator == Mode::kInvitation || rung == SignUpRung::kInvitation) return Mode::kInvitation;
  const bool is_mail = by_operator == Mode::kOpen && rung == SignUpRung::kMail;
  return is_mail ? Mode::kEmail : by_operator;
}

json::Array NeedsOf(Mode mode, bool has_challenge) {
  json::Array needs = {"name", "password"};
  if (accounts::NeedsEmail(mode)) needs.emplace_back("email");
  if (mode == Mode::kInvitation) needs.emplace_back("invitation");
  if (has_challenge) needs.emplace_back("challenge");
  return needs;
}

json::Object ChallengeJson(Accounts& desk, const Asked& asked) {
  const accounts::Challenge challenge =
      desk.challenges().Make(asked.guard.challenge_bits, asked.address, asked.now);
  return {{"seed", challenge.seed}, {"bits", challenge.bits}, {"expires_at", challenge.expires_at}};
}

Outcome<Answered> RegistrationNow(Accounts& desk, const Asked& asked) {
  const accounts::RegistrationRules rules = desk.registration().rules();
  const GuardRegistration& guard = asked.guard;
  const bool is_by_guard = guard.is_restricted() && rules.mode != Mode::kClosed;
  const Mode mode = ModeNow(rules.mode, guard.rung);
  json::Object body;
  body["mode"] = accounts::ModeWord(mode);
  body["since"] = is_by_guard ? guard.since : rules.since;
  body["why"] = is_by_guard ? WhyOf(guard.rung) : MeaningOf(rules.mode);
  body["by"] = is_by_guard ? "guard" : "operator";
  body["guard"] = guard::SignUpRungWord(guard.rung);
  body["probation"] = guard.is_restricted();
  body["domains"] = json::Array(rules.domains.begin(), rules.domains.end());
  body["challenge"] = nullptr;
  // A log-in may be asked for one too, whatever holds for registrations.
  const auto wants_challenge = QueryValue(asked.query, "challenge", 8);
  const bool asks_challenge = is_by_guard && mode != Mode::kInvitation && mode != Mode::kClosed;
  if (asks_challenge || (wants_challenge && *wants_challenge)) {
    body["challenge"] = ChallengeJson(desk, asked);
  }
  body["needs"] = NeedsOf(mode, asks_challenge);
  body["password"] = json::Object{{"bytes_min", accounts::kPasswordLengthMin},
                                  {"bytes_max", accounts::kPasswordBytesMax}};
  return Answered{200, std::move(body)};
}

Outcome<Answered> SignUp(Accounts& desk, const Asked& asked) {
  accounts::SignUpForm form;
  TRY_ASSIGN(form.name, Text(asked.body, "name"));
  TRY_ASSIGN(form.invitation, Text(asked.body, "invitation"));
  TRY_ASSIGN(const std::string email, Text(asked.body, "email"));
  if (!email.empty()) form.email = email;
  form.guard = asked.guard_terms();
  TRY_ASSIGN(const Secret password, SecretText(asked.body, "password"));
  TRY_ASSIGN(auto made, desk.SignUp(form, password, asked.device, asked.now));
  if (!made.session) {
    const bool waits_for_mail = made.account.state == accounts::State::kPendingEmail;
    return Answered{202, json::Object{{"pending", waits_for_mail ? "email" : "approval"}}};
  }
  const LoggedIn in{std::move(made.account), std::move(made.session), std::nullopt};
  return Welcome(desk, in, 201, asked);
}

Outcome<Answered> SetUp(Accounts& desk, const Asked& asked) {
  TRY_ASSIGN(const std::string token, Text(asked.body, "token"));
  TRY_ASSIGN(const std::string name, Text(asked.body, "name"));
  TRY_ASSIGN(const Secret password, SecretText(asked.body, "password"));
  TRY_ASSIGN(const LoggedIn in, desk.SetUp(token, name, password, asked.device, asked.now));
  return Welcome(desk, in, 201, asked);
}

Outcome<Answered> LogIn(Accounts& desk, const Asked& asked) {
  TRY_ASSIGN(const std::string name, Text(asked.body, "name"));
  TRY_ASSIGN(const Secret password, SecretText(asked.body, "password"));
  TRY_ASSIGN(const LoggedIn in, desk.LogIn(name, password, asked.device, asked.now));
  return Welcome(desk, in, 200, asked);
}

Outcome<Answered> ShowSecondFactor(Accounts& desk, const Asked& asked) {
  TRY_ASSIGN(const std::string token, Text(asked.body, "token"));
  TRY_ASSIGN(const std::string code, Text(asked.body, "code", 64));
  TRY_ASSIGN(const LoggedIn in, desk.ShowSecondFactor(token, code, asked.device, asked.now));
  return Welcome(desk, in, 200, asked);
}

Outcome<Answered> LogOut(Accounts& desk, const Asked& asked) {
  TRY(desk.LogOut(asked.who));
  return Answered{204, nullptr, {SessionCookie("", asked.is_encrypted)}};
}

Outcome<Answered> VerifyEmail(Accounts& desk, const Asked& asked) {
  TRY_ASSIGN(const std::string token, Text(asked.body, "token"));
  TRY_ASSIGN(const LoggedIn in, desk.VerifyEmail(token, asked.device, asked.now));
  return Welcome(desk, in, 200, asked);
}

Outcome<Answered> AskReset(Accounts& desk, const Asked& asked) {
  TRY_ASSIGN(const std::string email, Text(asked.body, "email"));
  TRY(desk.AskReset(email, asked.now));
  return Answered{202, json::Object{}};
}

Outcome<Answered> Reset(Accounts& desk, const Asked& asked) {
  TRY_ASSIGN(const std::string token, Text(asked.body, "token"));
  TRY_ASSIGN(const Secret password, SecretText(asked.body, "password"));
  TRY(desk.Reset(token, password, asked.now));
  return Answered{200, json::Object{}};
}

std::vector<DeskRow> EnteringRows(DeskWork me) {
  return {
      {.pattern = "/api/me",
       .access = Access::kMaybeAccount,
       .work = std::move(me),
       .documentation = {.id = "me",
                         .summary = "Who is logged in, and what this caller may do without.",
                         .answer_schema = kAccountSchema}},
      {.pattern = "/api/registration",
       .access = Access::kMaybeAccount,
       .work = RegistrationNow,
       .documentation = {.id = "registration",
                         .summary = "Who may register now, since when, why, and what lets one in.",
                         .answer_schema = R"({"type": "object", "required": ["mode", "since"]})"}},
      {.method = Method::kPost,
       .pattern = "/api/accounts",
       .access = Access::kMaybeAccount,
       .work = SignUp,
       .documentation = {.id = "register",
                         .summary = "A new account; 202: it waits for a mail or an operator.",
                         .answer_schema = kAccountSchema,
                         .status = 201,
                         .statuses = {202, 401, 409}},
       .kind = guard::Route::kRegister,
       .answers_evenly = true},
      {.method = Method::kPost,
       .pattern = "/api/setup",
       .access = Access::kMaybeAccount,
       .work = SetUp,
       .documentation = {.id = "setUp",
                         .summary = "The first operator, by the link of the set-up.",
                         .answer_schema = kAccountSchema,
                         .status = 201,
                         .statuses = {401, 404, 409}},
       .kind = guard::Route::kLogin},
      {.method = Method::kPost,
       .pattern = "/api/session",
       .access = Access::kMaybeAccount,
       .work = LogIn,
       .documentation = {.id = "logIn",
                         .summary = "A session, or what a second factor is shown with.",
                         .answer_schema = R"({"type": "object"})",
                         .statuses = {401}},
       .kind = guard::Route::kLogin},
      {.method = Method::kPost,
       .pattern = "/api/session/second-factor",
       .access = Access::kMaybeAccount,
       .work = ShowSecondFactor,
       .documentation = {.id = "showSecondFactor",
                         .summary = "A session, by a code of the app or a recovery code.",
                         .answer_schema = kAccountSchema,
                         .statuses = {401, 404}},
       .kind = guard::Route::kLogin},
  };
}

std::vector<DeskRow> LinkRows() {
  return {
      {.method = Method::kDelete,
       .pattern = "/api/session",
       .access = Access::kSession,
       .work = LogOut,
       .documentation = {.id = "logOut", .summary = "Ends this session.", .status = 204}},
      {.method = Method::kPost,
       .pattern = "/api/email-verification",
       .access = Access::kMaybeAccount,
       .work = VerifyEmail,
       .documentation = {.id = "verifyEmail",
                         .summary = "Confirms a mail address by the link that was sent to it.",
                         .answer_schema = kAccountSchema,
                         .statuses = {401, 404}},
       .kind = guard::Route::kLogin},
      {.method = Method::kPost,
       .pattern = "/api/password-reset",
       .access = Access::kMaybeAccount,
       .work = AskReset,
       .documentation = {.id = "askPasswordReset",
                         .summary = "Sends a link to the address if it has an account.",
                         .answer_schema = R"({"type": "object"})",
                         .status = 202,
                         .statuses = {401}},
       .kind = guard::Route::kLogin,
       .answers_at_once = true},
      {.method = Method::kPost,
       .pattern = "/api/password-reset/confirm",
       .access = Access::kMaybeAccount,
       .work = Reset,
       .documentation = {.id = "resetPassword",
                         .summary = "A new password, by the link that was sent.",
                         .answer_schema = R"({"type": "object"})",
                         .statuses = {401, 404}},
       .kind = guard::Route::kLogin},
  };
}

}  // namespace

std::vector<Endpoint> EntranceEndpoints(const AccountDesk& desk, const ProviderDesk& providers) {
  const auto me = [&providers](Accounts& accounts, const Asked& asked) {
    return Me(accounts, providers, asked);
  };
  std::vector<Endpoint> endpoints;
  for (DeskRow& row : EnteringRows(me)) {
    endpoints.push_back(DeskEndpoint(desk, std::move(row)));
  }
  for (DeskRow& row : LinkRows()) endpoints.push_back(DeskEndpoint(desk, std::move(row)));
  return endpoints;
}

}  // namespace holdfast::api
