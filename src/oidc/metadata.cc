#include "oidc/metadata.h"

#include <algorithm>

#include "json/unique_keys.h"

namespace holdfast::oidc {
namespace {

constexpr std::size_t kListMax = 256;
constexpr json::Limits kLimits{.text_bytes_max = 256 << 10, .depth_max = 16};

Result<http::Url> Address(const json::Object& document, std::string_view key, bool may_be_plain) {
  TRY_ASSIGN(const std::string text, json::RequireString(document, key));
  const Result<http::Url> url = http::ParseUrl(text);
  if (!url) return Fail(ErrorCode::kInvalidArgument, "'{}' is no URL", key);
  const bool is_safe = url->is_https || (may_be_plain && url->IsLoopback());
  if (!is_safe) return Fail(ErrorCode::kInvalidArgument, "'{}' is not https", key);
  return *url;
}

// Whether the list has the word; nullopt: there is no list.
Result<std::optional<bool>> Lists(const json::Object& document, std::string_view key,
                                  std::string_view word) {
  if (json::Find(document, key) == nullptr) return std::nullopt;
  TRY_ASSIGN(const json::Array* const list, json::RequireArray(document, key, kListMax));
  return std::ranges::any_of(
      *list, [&](const json::Value& one) { return one.is_string() && one.as_string() == word; });
}

Result<TokenAuth> ReadTokenAuth(const json::Object& document) {
  constexpr std::string_view kKey = "token_endpoint_auth_methods_supported";
  TRY_ASSIGN(const auto basic, Lists(document, kKey, "client_secret_basic"));
  TRY_ASSIGN(const auto post, Lists(document, kKey, "client_secret_post"));
  // Without a list it is basic (section 3).
  if (!basic || *basic) return TokenAuth::kBasic;
  if (*post) return TokenAuth::kPost;
  TRY_ASSIGN(const auto none, Lists(document, kKey, "none"));
  if (*none) return TokenAuth::kPost;
  return Fail(ErrorCode::kInvalidArgument, "it takes client secrets in no way that we know");
}

}  // namespace

Result<http::Url> MetadataUrl(std::string_view issuer) {
  while (issuer.ends_with('/')) issuer.remove_suffix(1);
  return http::ParseUrl(fmt::format("{}/.well-known/openid-configuration", issuer));
}

Result<Metadata> ReadMetadata(std::string_view text, std::string_view issuer) {
  TRY_ASSIGN(const json::Value value, json::ParseUnique(text, kLimits));
  if (!value.is_object()) return Fail(ErrorCode::kInvalidArgument, "its metadata is no object");
  const json::Object& document = value.as_object();
  TRY_ASSIGN(const std::string named, json::RequireString(document, "issuer"));
  // Exactly, so that one provider cannot speak for another (section 4.3).
  if (named != issuer) return Fail(ErrorCode::kInvalidArgument, "it is of another issuer");
  const bool may_be_plain = issuer.starts_with("http://");
  Metadata metadata;
  TRY_ASSIGN(metadata.authorization, Address(document, "authorization_endpoint", may_be_plain));
  TRY_ASSIGN(metadata.token, Address(document, "token_endpoint", may_be_plain));
  TRY_ASSIGN(metadata.keys, Address(document, "jwks_uri", may_be_plain));
  TRY_ASSIGN(metadata.token_auth, ReadTokenAuth(document));
  TRY_ASSIGN(metadata.names_issuer,
             json::BoolOr(document, "authorization_response_iss_parameter_supported", false));
  TRY_ASSIGN(const auto has_code, Lists(document, "response_types_supported", "code"));
  TRY_ASSIGN(const auto has_s256, Lists(document, "code_challenge_methods_supported", "S256"));
  if (has_code == false) return Fail(ErrorCode::kInvalidArgument, "it gives no codes");
  // Many that can say nothing of it; whoever says something must have it.
  if (has_s256 == false) return Fail(ErrorCode::kInvalidArgument, "it has no PKCE with S256");
  return metadata;
}

}  // namespace holdfast::oidc
