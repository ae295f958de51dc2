// Metadata: what a provider says of itself at /.well-known/openid-configuration (OpenID Connect
// Discovery 1.0). Only what a log-in needs is read. Value type; pure.
#pragma once

#include <string_view>

#include "http/url.h"

namespace holdfast::oidc {

enum class TokenAuth : std::uint8_t { kBasic, kPost };

struct Metadata {
  http::Url authorization;
  http::Url token;
  http::Url keys;
  TokenAuth token_auth = TokenAuth::kBasic;
  bool names_issuer = false;  // Answers carry `iss` (RFC 9207); one without is not this provider's.
};

// Where the document is.
[[nodiscard]] Result<http::Url> MetadataUrl(std::string_view issuer);

// Errors: kInvalidArgument: not such a document, of another issuer, or with an address that is
// neither https nor, for an issuer on this machine, on this machine.
[[nodiscard]] Result<Metadata> ReadMetadata(std::string_view text, std::string_view issuer);

}  // namespace holdfast::oidc
