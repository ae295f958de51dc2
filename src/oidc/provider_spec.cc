#include "oidc/provider_spec.h"

#include <algorithm>

#include "http/url.h"

namespace holdfast::oidc {
namespace {

constexpr std::size_t kIdBytesMax = 32;
constexpr std::size_t kNameBytesMax = 64;
constexpr std::size_t kTextBytesMax = 512;
constexpr std::size_t kListMax = 100;

bool IsIdLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }

// RFC 6749, section 3.3.
bool IsScope(std::string_view scope) {
  return !scope.empty() && scope.size() <= kTextBytesMax && std::ranges::all_of(scope, [](char c) {
    return c > ' ' && c < '\x7f' && c != '"' && c != '\\';
  });
}

// Folded, as they are compared with.
bool IsDomain(std::string_view domain) {
  return domain.find('.') != std::string_view::npos &&
         std::ranges::all_of(domain, [](char c) { return IsIdLetter(c) || c == '.'; });
}

Result<void> Wrong(const ProviderSpec& spec, std::string_view what) {
  return Fail(ErrorCode::kInvalidArgument, "provider '{}': {}", spec.id, what);
}

Result<void> CheckAddresses(const ProviderSpec& spec) {
  const Result<http::Url> issuer = http::ParseUrl(spec.issuer);
  if (!issuer || spec.issuer.find('?') != std::string::npos) {
    return Wrong(spec, "issuer is a URL without query and fragment");
  }
  if (!issuer->is_https && !issuer->IsLoopback()) {
    return Wrong(spec, "issuer begins with https://, unless it is on this machine");
  }
  const Result<http::Url> redirect = http::ParseUrl(spec.redirect_uri);
  if (!redirect || (!redirect->is_https && !redirect->IsLoopback())) {
    return Wrong(spec,
                 "needs accounts.public_url with https:// (or http://localhost), where the "
                 "provider sends people back to");
  }
  return {};
}

}  // namespace

Result<void> CheckSpec(const ProviderSpec& spec) {
  if (spec.id.empty() || spec.id.size() > kIdBytesMax ||
      !std::ranges::all_of(spec.id, IsIdLetter)) {
    return Wrong(spec, "id is 1 to 32 of a-z, 0-9 and '-'");
  }
  const bool is_named = !spec.name.empty() && spec.name.size() <= kNameBytesMax &&
                        std::ranges::none_of(spec.name, [](unsigned char c) { return c < ' '; });
  if (!is_named) return Wrong(spec, "name is 1 to 64 bytes");
  if (spec.client_id.empty() || spec.client_id.size() > kTextBytesMax) {
    return Wrong(spec, "client_id is 1 to 512 bytes");
  }
  if (spec.scopes.size() > kListMax || !std::ranges::all_of(spec.scopes, IsScope) ||
      std::ranges::find(spec.scopes, "openid") == spec.scopes.end()) {
    return Wrong(spec, "scopes are words, with \"openid\" among them");
  }
  if (spec.domains.size() > kListMax || !std::ranges::all_of(spec.domains, IsDomain)) {
    return Wrong(spec, "domains are at most 100 domains in small letters");
  }
  return CheckAddresses(spec);
}

}  // namespace holdfast::oidc
