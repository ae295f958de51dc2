#include "accounts/relying_party.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include <fmt/format.h>

namespace holdfast::accounts {
namespace {

constexpr std::string_view kLocalhost = "localhost";
constexpr std::size_t kNameBytesMax = 253;

struct Authority {
  std::string name;
  std::uint16_t port = 0;  // 0: none is said.
};

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

// A name, not a number: browsers take no passkey for an address, and its last part has a letter.
bool IsName(std::string_view name) {
  if (name.empty() || name.size() > kNameBytesMax || name.front() == '.' || name.back() == '.') {
    return false;
  }
  if (!std::ranges::all_of(name, IsNameCharacter)) return false;
  const std::string_view last = name.substr(name.rfind('.') + 1);
  return std::ranges::any_of(last, [](char c) { return c >= 'a' && c <= 'z'; });
}

std::optional<Authority> ReadAuthority(std::string_view text) {
  Authority authority;
  const std::size_t colon = text.find(':');
  authority.name = std::string(text.substr(0, colon));
  std::ranges::transform(authority.name, authority.name.begin(), Lower);
  if (!IsName(authority.name)) return std::nullopt;
  if (colon == std::string_view::npos) return authority;
  const std::string_view port = text.substr(colon + 1);
  const char* const end = port.data() + port.size();
  const auto [read, error] = std::from_chars(port.data(), end, authority.port);
  if (error != std::errc{} || read != end || authority.port == 0) return std::nullopt;
  return authority;
}

RelyingParty PartyOf(const Authority& authority, bool is_encrypted) {
  constexpr std::uint16_t kHttpPort = 80;
  constexpr std::uint16_t kHttpsPort = 443;
  const std::uint16_t usual = is_encrypted ? kHttpsPort : kHttpPort;
  std::string origin = fmt::format("{}://{}", is_encrypted ? "https" : "http", authority.name);
  if (authority.port != 0 && authority.port != usual) origin += fmt::format(":{}", authority.port);
  return {authority.name, std::move(origin)};
}

}  // namespace

std::optional<RelyingParty> RelyingPartyOf(std::string_view public_url) {
  constexpr std::string_view kHttp = "http://";
  constexpr std::string_view kHttps = "https://";
  const bool is_encrypted = public_url.starts_with(kHttps);
  if (!is_encrypted && !public_url.starts_with(kHttp)) return std::nullopt;
  public_url.remove_prefix(is_encrypted ? kHttps.size() : kHttp.size());
  const auto authority = ReadAuthority(public_url.substr(0, public_url.find('/')));
  if (!authority || (!is_encrypted && authority->name != kLocalhost)) return std::nullopt;
  return PartyOf(*authority, is_encrypted);
}

std::optional<RelyingParty> LocalRelyingParty(std::string_view host, bool is_encrypted) {
  const auto authority = ReadAuthority(host);
  if (!authority || authority->name != kLocalhost) return std::nullopt;
  return PartyOf(*authority, is_encrypted);
}

}  // namespace holdfast::accounts
