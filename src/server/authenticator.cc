#include "server/authenticator.h"

#include <algorithm>
#include <utility>

#include "api/account/desk_call.h"
#include "api/account/session_cookie.h"
#include "server/this_machine.h"
#include "server/wall_clock.h"

namespace holdfast::server {
namespace {

using api::Access;

// "Bearer sk-..." of OpenAI's clients, or x-api-key of Anthropic's.
std::string_view KeyOf(const http::RequestHead& head) {
  constexpr std::string_view kBearer = "Bearer ";
  const std::string_view authorization = head.Find("authorization");
  if (authorization.starts_with(kBearer)) return authorization.substr(kBearer.size());
  return head.Find("x-api-key");
}

bool ChangesSomething(http::Method method) {
  return method != http::Method::kGet && method != http::Method::kHead;
}

bool LooksAtCallers(Access access) {
  return access != Access::kAnyone && access != Access::kThisMachine;
}

// By what somebody may be known. Views of `head` and of `cookies`.
struct Credentials {
  std::string_view session;
  std::string_view key;
};

Credentials CredentialsOf(const http::RequestHead& head, std::string_view cookies,
                          const Identity& caller, Access access) {
  Credentials credentials;
  if (caller.is_encrypted || caller.is_local) {
    credentials.session = api::SessionToken(cookies, caller.is_encrypted);
  }
  if (access == Access::kAnswer) credentials.key = KeyOf(head);
  return credentials;
}

// What an access asks for of who was found.
api::ApiResult<void> CheckAccess(Access access, const std::optional<accounts::Identity>& who,
                                 bool may_be_anonymous) {
  switch (access) {
    case Access::kAnyone:
    case Access::kThisMachine:
    case Access::kMaybeAccount:
      return {};
    case Access::kAnswer:
      if (who || may_be_anonymous) return {};
      return std::unexpected(api::ToApiError(Reason::kUnauthenticated));
    case Access::kSession:
    case Access::kOperator:
      break;
  }
  if (!who || !who->has_session()) {
    return std::unexpected(api::ToApiError(Reason::kUnauthenticated));
  }
  if (access == Access::kOperator && !who->is_operator()) {
    return api::FailApi(Reason::kForbidden, "This is for operators.");
  }
  return {};
}

api::ApiResult<void> CheckScope(const accounts::Identity& who, const api::Endpoint& endpoint) {
  const std::vector<std::string>& routes = who.scope.routes;
  if (routes.empty() || std::ranges::find(routes, endpoint.pattern) != routes.end()) return {};
  return api::FailApi(Reason::kForbidden, "This API key is not for this route.");
}

}  // namespace

net::Awaitable<accounts::Outcome<accounts::Identity>> Authenticator::FindSession(
    std::string token) const {
  auto work = [this, token = std::move(token)] {
    return accounts_.sessions().Find(token, WallClockMs());
  };
  auto found = co_await pool_.Run(std::move(work));
  if (!found) co_return accounts::Refuse(Reason::kStoreDown, found.error().message);
  co_return std::move(*found);
}

net::Awaitable<accounts::Outcome<accounts::Identity>> Authenticator::FindKey(
    std::string key) const {
  auto work = [this, key = std::move(key)] { return accounts_.keys().Find(key, WallClockMs()); };
  auto found = co_await pool_.Run(std::move(work));
  if (!found) co_return accounts::Refuse(Reason::kStoreDown, found.error().message);
  co_return std::move(*found);
}

bool Authenticator::IsStranger(const http::RequestHead& head, const Identity& caller,
                               const api::Endpoint& endpoint) const {
  if (!LooksAtCallers(endpoint.access)) return true;
  const std::string cookies = head.FindAll("cookie");
  const auto [session, key] = CredentialsOf(head, cookies, caller, endpoint.access);
  const bool serves_strangers =
      CheckAccess(endpoint.access, std::nullopt, MayBeAnonymous(caller)).has_value();
  return session.empty() && key.empty() && serves_strangers && endpoint.access == Access::kAnswer;
}

net::Awaitable<api::ApiResult<std::optional<accounts::Identity>>> Authenticator::Look(
    const http::RequestHead& head, const Identity& caller, const api::Endpoint& endpoint) const {
  std::optional<accounts::Identity> who;
  if (!LooksAtCallers(endpoint.access)) co_return who;
  const bool may_be_anonymous = MayBeAnonymous(caller);
  const std::optional<bool> is_same_origin = IsSameOrigin(head);
  const bool changes = ChangesSomething(endpoint.method);
  const bool takes_keys = endpoint.access == Access::kAnswer;
  // A page of another origin must not even log somebody in.
  if (changes && !takes_keys && is_same_origin == false) {
    co_return api::FailApi(Reason::kForbidden, "Pages of other origins may not do this.");
  }
  const std::string cookies = head.FindAll("cookie");
  const auto [token, key] = CredentialsOf(head, cookies, caller, endpoint.access);
  std::optional<accounts::Refused> refused;
  if (!key.empty()) {
    auto found = co_await FindKey(std::string(key));
    if (found) who = std::move(*found);
    if (!found) refused = std::move(found).error();
    if (who) CO_TRY(CheckScope(*who, endpoint));
  } else if (!token.empty() && (!changes || is_same_origin == true)) {
    auto found = co_await FindSession(std::string(token));
    if (found) who = std::move(*found);
    if (!found) refused = std::move(found).error();
  }
  // Who is locked out hears it everywhere; a session that is over is only as good as none.
  const bool is_over = refused && refused->reason == Reason::kUnauthenticated;
  if (refused && !is_over) co_return std::unexpected(api::ToApiError(*refused));
  CO_TRY(CheckAccess(endpoint.access, who, may_be_anonymous));
  co_return who;
}

}  // namespace holdfast::server
