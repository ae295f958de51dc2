#include <utility>

#include "api/account/account_json.h"
#include "api/account/device.h"
#include "api/account/endpoints.h"
#include "api/account/provider_calls.h"
#include "api/account/session_cookie.h"
#include "api/fields.h"

namespace holdfast::api {
namespace {

using accounts::Accounts;
using accounts::Outcome;
using accounts::Refuse;
using http::Method;

constexpr std::size_t kBodyBytesMax = 64 << 10;
constexpr std::string_view kObject = R"({"type": "object"})";

using Go = std::function<net::Awaitable<ApiResult<void>>(const ProviderCalls&, const Visit&, Reply&,
                                                         Progress&)>;

class ProviderCall final : public Call {
 public:
  ProviderCall(std::shared_ptr<const ProviderCalls> calls, const Go& go, Visit visit)
      : calls_(std::move(calls)), go_(go), visit_(std::move(visit)) {}

  net::Awaitable<ApiResult<void>> Run(Reply& reply, Progress& progress) override {
    return go_(*calls_, visit_, reply, progress);
  }

 private:
  const std::shared_ptr<const ProviderCalls> calls_;
  const Go& go_;
  const Visit visit_;
};

Endpoint Row(const std::shared_ptr<const ProviderCalls>& calls, std::string pattern, Method method,
             Access access, Go go) {
  Endpoint endpoint;
  endpoint.method = method;
  endpoint.pattern = std::move(pattern);
  endpoint.access = access;
  endpoint.body_bytes_max = method == Method::kPost ? kBodyBytesMax : 0;
  // It outlives each call: both live in the endpoint.
  const auto shared = std::make_shared<const Go>(std::move(go));
  endpoint.parse = [calls, shared](const Context& context,
                                   std::string body) -> ApiResult<std::unique_ptr<Call>> {
    Visit visit;
    if (!body.empty()) {
      TRY_ASSIGN(visit.body, ParseBody(body));
    }
    Secret::Wipe(body);
    visit.provider = context.params.at("provider");
    visit.query = context.head.query;
    visit.browser = LogInToken(context.head.FindAll("cookie"), context.is_encrypted);
    visit.client = context.client;
    visit.device = DeviceOf(context.head.Find("user-agent"));
    if (context.who != nullptr) visit.who = *context.who;
    visit.is_encrypted = context.is_encrypted;
    visit.is_local = context.is_local;
    return std::make_unique<ProviderCall>(calls, *shared, std::move(visit));
  };
  return endpoint;
}

// Sending a browser to and fro.
std::vector<Endpoint> Ways(const AccountDesk& desk, ProviderDesk& providers) {
  const auto calls = std::make_shared<const ProviderCalls>(desk, providers);
  std::vector<Endpoint> endpoints;
  Endpoint start = Row(calls, "/api/oidc/{provider}/start", Method::kGet, Access::kMaybeAccount,
                       [](const ProviderCalls& all, const Visit& visit, Reply& reply, Progress&) {
                         return all.Start(visit, reply);
                       });
  start.kind = guard::Route::kPage;
  start.documentation = {.id = "startProviderLogIn",
                         .summary = "Sends the browser to a provider, to log in there.",
                         .tag = "accounts",
                         .status = 303,
                         .statuses = {403, 404}};
  endpoints.push_back(std::move(start));
  Endpoint back = Row(calls, "/api/oidc/{provider}/callback", Method::kGet, Access::kMaybeAccount,
                      [](const ProviderCalls& all, const Visit& visit, Reply& reply, Progress&) {
                        return all.ComeBack(visit, reply);
                      });
  back.kind = guard::Route::kPage;
  back.documentation = {.id = "endProviderLogIn",
                        .summary = "Takes the browser back, and sends it to the page.",
                        .tag = "accounts",
                        .status = 303};
  endpoints.push_back(std::move(back));
  Endpoint link = Row(calls, "/api/me/identities/{provider}/link", Method::kPost, Access::kSession,
                      [](const ProviderCalls& all, const Visit& visit, Reply& reply,
                         Progress& progress) { return all.Link(visit, reply, progress); });
  link.kind = guard::Route::kLogin;
  link.documentation = {.id = "linkProvider",
                        .summary = "Where to send the browser to link a log-in with this account.",
                        .tag = "accounts",
                        .request_schema = kObject,
                        .answer_schema = kObject,
                        .statuses = {404}};
  endpoints.push_back(std::move(link));
  Endpoint confirm =
      Row(calls, "/api/me/identities/{provider}/confirm", Method::kPost, Access::kSession,
          [](const ProviderCalls& all, const Visit& visit, Reply& reply, Progress&) {
            return all.Confirm(visit, reply);
          });
  confirm.kind = guard::Route::kPage;
  confirm.documentation = {.id = "confirmAtProvider",
                           .summary =
                               "Where to send the browser to log in anew, instead of a "
                               "password that this account has not.",
                           .tag = "accounts",
                           .request_schema = kObject,
                           .answer_schema = kObject,
                           .statuses = {404}};
  endpoints.push_back(std::move(confirm));
  return endpoints;
}

json::Object ProviderJson(const ProviderDesk& providers, std::string_view id) {
  const oidc::Provider* const provider = providers.Find(id);
  return {{"id", id}, {"name", provider != nullptr ? provider->spec().name : std::string(id)}};
}

Outcome<Answered> LookAtArrival(const ProviderDesk& providers, const Asked& asked) {
  const std::optional<Arrival> arrival = providers.Look(asked.log_in, asked.now);
  if (!arrival) return Refuse(Reason::kNotFound, "nobody came back with this browser");
  json::Object body{{"provider", ProviderJson(providers, arrival->provider)}};
  if (arrival->refused) {
    const ApiError error = ToApiError(*arrival->refused);
    const std::string& said = arrival->refused->detail;
    const bool is_ours = error.reason == Reason::kInternal || error.reason == Reason::kStoreDown;
    body["state"] = "failed";
    body["reason"] = Word(error.reason);
    body["message"] = is_ours || said.empty() ? error.message : said;
  } else if (!arrival->second_factor.empty()) {
    body["state"] = "second_factor";
    body["token"] = arrival->second_factor;
  } else {
    body["state"] = "new";
    body["name"] = arrival->wished_name;
    body["email"] = arrival->person->email ? json::Value(*arrival->person->email) : json::Value();
  }
  return Answered{200, std::move(body)};
}

Outcome<Answered> SignUp(Accounts& desk, ProviderDesk& providers, const Asked& asked) {
  const std::optional<Arrival> arrival = providers.Look(asked.log_in, asked.now);
  if (!arrival || !arrival->person) {
    return Refuse(Reason::kNotFound, "nobody new came back with this browser");
  }
  TRY_ASSIGN(const std::string name, Text(asked.body, "name"));
  TRY_ASSIGN(const std::string invitation, Text(asked.body, "invitation"));
  TRY_ASSIGN(const auto made, desk.SignUpFrom(*arrival->person, name, invitation,
                                              asked.guard_terms(), asked.device, asked.now));
  providers.Drop(asked.log_in);
  std::vector<http::Header> cookies = {LogInCookie("", asked.is_encrypted)};
  if (!made.session) {
    return Answered{202, json::Object{{"pending", "approval"}}, std::move(cookies)};
  }
  cookies.push_back(SessionCookie(made.session->Reveal(), asked.is_encrypted));
  return Answered{201, json::Object{{"account", AccountJson(made.account, {})}},
                  std::move(cookies)};
}

Outcome<Answered> ListIdentities(Accounts& desk, const ProviderDesk& providers,
                                 const Asked& asked) {
  TRY_ASSIGN(const auto list, desk.identities().List(asked.who.account_id));
  json::Array identities;
  for (const accounts::LinkedIdentity& one : list) {
    // Null: of a provider that is not configured any more.
    const oidc::Provider* const provider = providers.FindByIssuer(one.issuer);
    json::Object identity;
    identity["provider"] = provider != nullptr ? json::Value(provider->spec().id) : json::Value();
    identity["name"] = provider != nullptr ? provider->spec().name : one.issuer;
    identity["linked_at"] = one.linked_at;
    identity["last_used_at"] = OrNull(one.last_used_at);
    identities.push_back(std::move(identity));
  }
  const accounts::TimeMs fresh_until = asked.who.provider_login_at + accounts::kFreshLoginMs;
  return Answered{200,
                  json::Object{{"identities", std::move(identities)},
                               {"fresh_until", fresh_until > asked.now ? json::Value(fresh_until)
                                                                       : json::Value(nullptr)}}};
}

Outcome<Answered> Unlink(Accounts& desk, const ProviderDesk& providers, const Asked& asked) {
  const oidc::Provider* const provider = providers.Find(asked.params.at("provider"));
  if (provider == nullptr) return Refuse(Reason::kNotFound, "no such provider");
  TRY_ASSIGN(const Secret password, SecretText(asked.body, "password"));
  TRY(desk.CheckOwnerAndFactor(asked.who, password, asked.now));
  TRY(desk.UnlinkIdentity(asked.who, provider->spec().issuer, provider->spec().id));
  return Answered{204, nullptr};
}

std::vector<DeskRow> Rows(ProviderDesk& providers) {
  return {
      {.pattern = "/api/oidc/arrival",
       .access = Access::kMaybeAccount,
       .work = [&providers](Accounts&,
                            const Asked& asked) { return LookAtArrival(providers, asked); },
       .documentation = {.id = "providerArrival",
                         .summary = "What came of this browser's log-in at a provider.",
                         .answer_schema = kObject,
                         .statuses = {401, 404}}},
      {.method = Method::kPost,
       .pattern = "/api/oidc/accounts",
       .access = Access::kMaybeAccount,
       .work = [&providers](Accounts& desk,
                            const Asked& asked) { return SignUp(desk, providers, asked); },
       .documentation = {.id = "registerFromProvider",
                         .summary = "A new account for who came back from a provider; 202: it "
                                    "waits for an operator.",
                         .answer_schema = kObject,
                         .status = 201,
                         .statuses = {202, 401, 404, 409}},
       .kind = guard::Route::kRegister},
      {.pattern = "/api/me/identities",
       .work = [&providers](Accounts& desk,
                            const Asked& asked) { return ListIdentities(desk, providers, asked); },
       .documentation = {.id = "listIdentities",
                         .summary = "The log-ins at providers that are linked with this account.",
                         .answer_schema = kObject}},
      {.method = Method::kPost,
       .pattern = "/api/me/identities/{provider}/remove",
       .work = [&providers](Accounts& desk,
                            const Asked& asked) { return Unlink(desk, providers, asked); },
       .documentation = {.id = "unlinkProvider",
                         .summary = "Unlinks a log-in, unless it is the only way in.",
                         .status = 204,
                         .statuses = {404, 409}},
       .kind = guard::Route::kLogin},
  };
}

}  // namespace

std::vector<Endpoint> ProviderEndpoints(const AccountDesk& desk, ProviderDesk& providers) {
  std::vector<Endpoint> endpoints = Ways(desk, providers);
  for (DeskRow& row : Rows(providers)) endpoints.push_back(DeskEndpoint(desk, std::move(row)));
  return endpoints;
}

}  // namespace holdfast::api
