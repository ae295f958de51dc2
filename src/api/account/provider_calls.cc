#include "api/account/provider_calls.h"

#include <algorithm>
#include <array>
#include <utility>

#include "accounts/names.h"
#include "accounts/tokens.h"
#include "api/account/session_cookie.h"
#include "api/query.h"
#include "api/reply.h"
#include "base/log.h"

namespace holdfast::api {
namespace {

using accounts::Outcome;
using accounts::ProviderPerson;
using accounts::Refuse;
using accounts::Refused;

// Where the page says what came of a log-in.
constexpr std::string_view kArrivalPage = "/#/provider";
// Parts of the settings that somebody may come back to.
constexpr std::array<std::string_view, 4> kSections = {"log-ins", "data", "factor", "profile"};

constexpr std::size_t kStateBytesMax = 128;
constexpr std::size_t kErrorBytesMax = 256;

Refused IsAway(const oidc::ProviderSpec& spec, const Error& error) {
  log::warn("log-in at a provider: {}", error.message);
  return {Reason::kUpstreamDown,
          fmt::format("{} cannot be reached now, or does not answer as it should. Try again later.",
                      spec.name)};
}

// Empty where it is not there, or cannot be read.
std::string QueryText(const Visit& visit, std::string_view key, std::size_t bytes_max) {
  auto value = QueryValue(visit.query, key, bytes_max);
  return value && *value ? std::move(**value) : std::string();
}

// In the folded form; nullopt: nothing that we could call verified.
std::optional<std::string> VerifiedEmail(const oidc::Claims& claims) {
  if (!claims.is_email_verified) return std::nullopt;
  return accounts::EmailKey(claims.email);
}

Outcome<ProviderPerson> PersonOf(const oidc::ProviderSpec& spec, const oidc::Claims& claims) {
  ProviderPerson person{{spec.issuer, claims.subject}, spec.id, VerifiedEmail(claims)};
  if (spec.domains.empty()) return person;
  const std::string_view domain = person.email ? accounts::DomainOf(*person.email) : "";
  if (std::ranges::find(spec.domains, domain) != spec.domains.end()) return person;
  return Refuse(
      Reason::kForbidden,
      fmt::format("{} vouches for no mail address of yours that may come in here.", spec.name));
}

// As much of what they are called there as may be a name here.
std::string WishedName(const oidc::Claims& claims) {
  std::string name;
  for (const char c : claims.wished_name) {
    if (name.size() == accounts::kNameBytesMax) break;
    if (accounts::NameKey(std::string("aa") + c)) name += c;
  }
  return accounts::NameKey(name) ? name : std::string();
}

// In the provider's words there may be anything; in ours there is not.
Refused SaidNo(const oidc::ProviderSpec& spec, std::string_view error) {
  if (error == "access_denied") {
    return {Reason::kForbidden, fmt::format("The log-in at {} was called off there.", spec.name)};
  }
  const bool is_away = error == "server_error" || error == "temporarily_unavailable";
  if (is_away) {
    return {Reason::kUpstreamDown,
            fmt::format("{} cannot log anybody in at the moment. Try again later.", spec.name)};
  }
  return {
      Reason::kForbidden,
      fmt::format("{} did not log you in. If it stays so, tell who runs this service.", spec.name)};
}

}  // namespace

net::Awaitable<ApiResult<void>> ProviderCalls::Redirect(const Way& way, Reply& reply) {
  http::ResponseHead head;
  head.status = 303;
  head.headers = way.cookies;
  head.headers.push_back({"Location", way.to});
  head.headers.push_back({"Cache-Control", "no-store"});
  co_return co_await reply.Send(head, "");
}

net::Awaitable<ApiResult<void>> ProviderCalls::Tell(const Outcome<Way>& way, Reply& reply) {
  if (!way) co_return std::unexpected(ToApiError(way.error()));
  const json::Object body{{"url", way->to}};
  co_return co_await reply.SendJson(body, way->cookies);
}

net::Awaitable<Outcome<ProviderCalls::Way>> ProviderCalls::Begin(const Visit& visit,
                                                                 oidc::Purpose purpose,
                                                                 std::string section) const {
  oidc::Provider* const provider = providers_.Find(visit.provider);
  if (provider == nullptr) co_return Refuse(Reason::kNotFound, "no such provider");
  if (!visit.is_encrypted && !visit.is_local) co_return Refuse(Reason::kNeedsHttps);
  oidc::LogIn log_in;
  log_in.provider = visit.provider;
  log_in.purpose = purpose;
  log_in.section = std::move(section);
  log_in.secrets = oidc::MakeSecrets();
  log_in.began_at_ms = desk_.now();
  if (visit.who) log_in.session = visit.who->session_id;
  const bool must_show = purpose == oidc::Purpose::kConfirm;
  const Result<std::string> url = co_await provider->AuthorizationUrl(log_in.secrets, must_show);
  // A new token each time, so that one that somebody put into the browser is of no use.
  const Secret browser = accounts::NewToken();
  Way way;
  way.cookies.push_back(LogInCookie(browser.Reveal(), visit.is_encrypted));
  if (url) {
    way.to = *url;
    providers_.log_ins().Begin(std::move(log_in), browser.Reveal(), visit.client);
    co_return way;
  }
  // A person clicked; the page tells them.
  Arrival arrival;
  arrival.provider = visit.provider;
  arrival.refused = IsAway(provider->spec(), url.error());
  providers_.Put(browser.Reveal(), std::move(arrival), desk_.now());
  way.to = kArrivalPage;
  co_return way;
}

net::Awaitable<ApiResult<void>> ProviderCalls::Start(const Visit& visit, Reply& reply) const {
  const Outcome<Way> begun = co_await Begin(visit, oidc::Purpose::kLogIn, "");
  if (!begun) co_return std::unexpected(ToApiError(begun.error()));
  co_return co_await Redirect(*begun, reply);
}

net::Awaitable<ApiResult<void>> ProviderCalls::Link(const Visit& visit, Reply& reply,
                                                    Progress& progress) const {
  auto password = SecretText(visit.body, "password");
  if (!password) co_return std::unexpected(ToApiError(password.error()));
  const auto shared = std::make_shared<const Secret>(std::move(*password));
  auto check = [this, who = *visit.who, shared] {
    return desk_.accounts.CheckOwnerAndFactor(who, *shared, desk_.now());
  };
  const auto checked = co_await desk_.pool.Run(std::move(check));
  if (!checked) co_return std::unexpected(ToApiError(Reason::kStoreDown));
  if (!*checked) {
    if (checked->error().reason == Reason::kWrongCredentials) progress.OnFailedLogin();
    co_return std::unexpected(ToApiError(checked->error()));
  }
  const Outcome<Way> begun = co_await Begin(visit, oidc::Purpose::kLink, "log-ins");
  co_return co_await Tell(begun, reply);
}

net::Awaitable<ApiResult<void>> ProviderCalls::Confirm(const Visit& visit, Reply& reply) const {
  const auto section = Text(visit.body, "then", 16);
  if (!section || std::ranges::find(kSections, *section) == kSections.end()) {
    co_return FailApi(Reason::kBadRequest, "`then` is a part of the settings.", "then");
  }
  const Outcome<Way> begun = co_await Begin(visit, oidc::Purpose::kConfirm, *section);
  co_return co_await Tell(begun, reply);
}

net::Awaitable<ApiResult<void>> ProviderCalls::ComeBack(const Visit& visit, Reply& reply) const {
  const std::string state = QueryText(visit, "state", kStateBytesMax);
  const auto log_in = providers_.log_ins().Take(state, visit.browser, desk_.now());
  Way way;
  way.to = kArrivalPage;
  // One that is not known changes nothing of what waits for this browser.
  if (log_in && log_in->provider == visit.provider) way = co_await Arrive(visit, *log_in);
  co_return co_await Redirect(way, reply);
}

net::Awaitable<ProviderCalls::Way> ProviderCalls::Arrive(const Visit& visit,
                                                         const oidc::LogIn& log_in) const {
  oidc::Provider* const provider = providers_.Find(log_in.provider);
  Outcome<Way> way = Refuse(Reason::kNotFound, "no such provider");
  if (provider != nullptr) {
    const Outcome<oidc::Claims> claims = co_await Ask(visit, log_in, *provider);
    if (!claims) way = std::unexpected(claims.error());
    if (claims) {
      auto enter = [this, &visit, &log_in, provider, &claims] {
        return Enter(visit, log_in, provider->spec(), *claims);
      };
      auto entered = co_await desk_.pool.Run(std::move(enter));
      way = entered ? std::move(*entered) : Refuse(Reason::kStoreDown, entered.error().message);
    }
  }
  if (way) co_return std::move(*way);
  Arrival arrival;
  arrival.provider = log_in.provider;
  arrival.refused = way.error();
  providers_.Put(visit.browser, std::move(arrival), desk_.now());
  co_return Way{.to = std::string(kArrivalPage)};
}

net::Awaitable<Outcome<oidc::Claims>> ProviderCalls::Ask(const Visit& visit,
                                                         const oidc::LogIn& log_in,
                                                         oidc::Provider& provider) const {
  const std::string error = QueryText(visit, "error", kErrorBytesMax);
  if (!error.empty()) co_return std::unexpected(SaidNo(provider.spec(), error));
  oidc::Answer answer;
  answer.code = QueryText(visit, "code", oidc::kCodeBytesMax);
  answer.issuer = QueryText(visit, "iss", http::kUrlBytesMax);
  std::optional<std::int64_t> shown_since_s;
  if (log_in.purpose == oidc::Purpose::kConfirm) shown_since_s = log_in.began_at_ms / 1000;
  auto claims = co_await provider.Exchange(log_in.secrets, answer, shown_since_s);
  if (claims) co_return std::move(*claims);
  if (claims.error().code == ErrorCode::kUnavailable) {
    co_return std::unexpected(IsAway(provider.spec(), claims.error()));
  }
  log::warn("log-in at provider {}: {}", provider.spec().id, claims.error().message);
  co_return Refuse(
      Reason::kWrongCredentials,
      fmt::format("What {} said of you could not be verified. Start again.", provider.spec().name));
}

// On the pool.
Outcome<ProviderCalls::Way> ProviderCalls::Enter(const Visit& visit, const oidc::LogIn& log_in,
                                                 const oidc::ProviderSpec& spec,
                                                 const oidc::Claims& claims) const {
  TRY_ASSIGN(const ProviderPerson person, PersonOf(spec, claims));
  if (log_in.purpose == oidc::Purpose::kLogIn) return LogIn(visit, person, spec, claims);
  // What was begun with one session does not end in another.
  if (!visit.who || visit.who->session_id != log_in.session) {
    return Refuse(Reason::kUnauthenticated, "Your session here is over. Log in, and begin again.");
  }
  if (log_in.purpose == oidc::Purpose::kLink) {
    TRY(desk_.accounts.LinkIdentity(*visit.who, person, desk_.now()));
  } else {
    TRY(desk_.accounts.ConfirmLogin(*visit.who, person, desk_.now()));
  }
  return Way{fmt::format("/#/settings/{}", log_in.section), {LogInCookie("", visit.is_encrypted)}};
}

Outcome<ProviderCalls::Way> ProviderCalls::LogIn(const Visit& visit, const ProviderPerson& person,
                                                 const oidc::ProviderSpec& spec,
                                                 const oidc::Claims& claims) const {
  TRY_ASSIGN(const auto in, desk_.accounts.LogInFrom(person, visit.device, desk_.now()));
  if (in && in->session) {
    return Way{"/",
               {SessionCookie(in->session->Reveal(), visit.is_encrypted),
                LogInCookie("", visit.is_encrypted)}};
  }
  if (!in && desk_.accounts.registration().rules().mode == accounts::Mode::kClosed) {
    return Refuse(Reason::kRegistrationClosed,
                  fmt::format("You have no account here, and nobody can make one now. Whoever has "
                              "one can link {} in its settings.",
                              spec.name));
  }
  Arrival arrival;
  arrival.provider = spec.id;
  if (in) {
    arrival.second_factor = in->second_factor->Reveal();
  } else {
    arrival.person = person;
    arrival.wished_name = WishedName(claims);
  }
  providers_.Put(visit.browser, std::move(arrival), desk_.now());
  return Way{.to = std::string(kArrivalPage)};
}

}  // namespace holdfast::api
