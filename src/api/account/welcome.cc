#include "api/account/welcome.h"

#include "api/account/account_json.h"
#include "api/account/session_cookie.h"

namespace holdfast::api {

accounts::Outcome<Answered> Welcome(accounts::Accounts& desk, const accounts::LoggedIn& in,
                                    int status, const Asked& asked) {
  if (in.second_factor) {
    json::Object body;
    body["second_factor"] = json::Array{"totp", "recovery"};
    body["token"] = in.second_factor->Reveal();
    return Answered{200, std::move(body)};
  }
  TRY_ASSIGN(const auto factors, desk.FactorsOf(in.account.id));
  Answered answered{status, json::Object{{"account", AccountJson(in.account, factors)}}};
  // So that it is changed: the guesser of a list has it, too.
  if (in.has_common_password) answered.body.as_object()["password_is_common"] = true;
  if (in.session) {
    // The session that this browser had has no cookie any more.
    if (asked.who.has_session()) {
      static_cast<void>(desk.sessions().End(asked.who.account_id, asked.who.session_id));
    }
    answered.headers.push_back(SessionCookie(in.session->Reveal(), asked.is_encrypted));
    answered.headers.push_back(DeviceCookie(
        desk.device_badges().Make(in.account, asked.badge, asked.now), asked.is_encrypted));
  }
  return answered;
}

}  // namespace holdfast::api
