#include "api/account/session_cookie.h"

#include <fmt/format.h>

#include "accounts/sessions.h"

namespace holdfast::api {
namespace {

std::string_view NameOf(bool is_encrypted) { return is_encrypted ? "__Host-holdfast" : "holdfast"; }

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

http::Header SessionCookie(std::string_view token, bool is_encrypted) {
  const auto age = token.empty() ? 0 : accounts::kSessionAgeMax / 1000;
  return {"Set-Cookie",
          fmt::format("{}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}{}", NameOf(is_encrypted),
                      token, age, is_encrypted ? "; Secure" : "")};
}

std::string_view SessionToken(std::string_view cookies, bool is_encrypted) {
  while (!cookies.empty()) {
    const std::size_t end = std::min(cookies.find(';'), cookies.size());
    const std::string_view pair = Trimmed(cookies.substr(0, end));
    cookies.remove_prefix(std::min(end + 1, cookies.size()));
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || pair.substr(0, equals) != NameOf(is_encrypted))
      continue;
    return pair.substr(equals + 1);
  }
  return {};
}

}  // namespace holdfast::api
