// The Cookie field of a request: what is taken for a token is part of it, and stands after one of
// our names. A token that we set comes back whole, whatever stands around it.
#include <cstdint>
#include <string>

#include "api/account/session_cookie.h"
#include "base/check.h"
#include "fuzz/input.h"

namespace {

using holdfast::http::Header;

// "NAME=TOKEN" of a Set-Cookie.
std::string PairOf(const Header& set) { return set.value.substr(0, set.value.find(';')); }

void CheckToken(std::string_view cookies, std::string_view token, const std::string& pair) {
  if (token.empty()) return;
  CHECK(token.data() >= cookies.data() &&
        token.data() + token.size() <= cookies.data() + cookies.size());
  CHECK(token.find(';') == std::string_view::npos);
  const std::string name = pair.substr(0, pair.find('=') + 1);
  CHECK(cookies.substr(0, static_cast<std::size_t>(token.data() - cookies.data())).ends_with(name));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  fuzz::Input input(data, size);
  const bool is_encrypted = (input.Byte() & 1) != 0;
  const std::string cookies(input.rest());
  const std::string session = PairOf(api::SessionCookie("token", is_encrypted));
  const std::string log_in = PairOf(api::LogInCookie("token", is_encrypted));
  CheckToken(cookies, api::SessionToken(cookies, is_encrypted), session);
  CheckToken(cookies, api::LogInToken(cookies, is_encrypted), log_in);
  const std::string ours = session + "; " + cookies;
  CHECK(api::SessionToken(ours, is_encrypted) == "token");
  return 0;
}
