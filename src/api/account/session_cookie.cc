#include "api/account/session_cookie.h"

#include <algorithm>

#include <fmt/format.h>

#include "accounts/challenge_desk.h"
#include "accounts/device_badges.h"
#include "accounts/sessions.h"
#include "oidc/log_in_table.h"

namespace holdfast::api {
namespace {

constexpr std::string_view kSession = "holdfast";
constexpr std::string_view kLogIn = "holdfast-login";
constexpr std::string_view kDevice = "holdfast-device";
constexpr std::string_view kPass = "holdfast-pass";

std::string NameOf(std::string_view name, bool is_encrypted) {
  return fmt::format("{}{}", is_encrypted ? "__Host-" : "", name);
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// Lax: it comes along when somebody is sent back from a provider, and with nothing that a page of
// another origin posts.
http::Header Cookie(std::string_view name, std::string_view token, std::int64_t age_s,
                    bool is_encrypted) {
  return {"Set-Cookie", fmt::format("{}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}{}",
                                    NameOf(name, is_encrypted), token, token.empty() ? 0 : age_s,
                                    is_encrypted ? "; Secure" : "")};
}

std::string_view Find(std::string_view cookies, std::string_view base, bool is_encrypted) {
  if (cookies.empty()) return {};
  const std::string name = NameOf(base, is_encrypted);
  while (!cookies.empty()) {
    const std::size_t end = std::min(cookies.find(';'), cookies.size());
    const std::string_view pair = Trimmed(cookies.substr(0, end));
    cookies.remove_prefix(std::min(end + 1, cookies.size()));
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || pair.substr(0, equals) != name) continue;
    return pair.substr(equals + 1);
  }
  return {};
}

}  // namespace

http::Header SessionCookie(std::string_view token, bool is_encrypted) {
  return Cookie(kSession, token, accounts::kSessionAgeMax / 1000, is_encrypted);
}

std::string_view SessionToken(std::string_view cookies, bool is_encrypted) {
  return Find(cookies, kSession, is_encrypted);
}

http::Header LogInCookie(std::string_view token, bool is_encrypted) {
  return Cookie(kLogIn, token, oidc::kLifeMs / 1000, is_encrypted);
}

std::string_view LogInToken(std::string_view cookies, bool is_encrypted) {
  return Find(cookies, kLogIn, is_encrypted);
}

http::Header DeviceCookie(std::string_view badge, bool is_encrypted) {
  return Cookie(kDevice, badge, accounts::DeviceBadges::kLifeMs / 1000, is_encrypted);
}

std::string_view DeviceBadge(std::string_view cookies, bool is_encrypted) {
  return Find(cookies, kDevice, is_encrypted);
}

http::Header PassCookie(std::string_view pass, bool is_encrypted) {
  return Cookie(kPass, pass, accounts::ChallengeDesk::kPassLifeMs / 1000, is_encrypted);
}

std::string_view PassToken(std::string_view cookies, bool is_encrypted) {
  return Find(cookies, kPass, is_encrypted);
}

}  // namespace holdfast::api
