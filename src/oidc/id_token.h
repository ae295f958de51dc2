// ID tokens: what a provider says, signed, of who logged in (OpenID Connect Core 1.0, section 2 and
// 3.1.3.7; the form is a JWS of RFC 7515). The algorithm is of our list and must be that of the
// key, whatever the token's head says. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "oidc/key_set.h"

namespace holdfast::oidc {

inline constexpr std::size_t kTokenBytesMax = 32 << 10;
inline constexpr std::size_t kSubjectBytesMax = 255;  // Core, section 2.
// Two clocks may differ by so much.
inline constexpr std::int64_t kSkewS = 60;
// A token for one log-in is used at once.
inline constexpr std::int64_t kTokenAgeMaxS = 600;

// What this token has to be.
struct Expected {
  std::string issuer;
  std::string client_id;
  std::string nonce;
  std::string access_token;  // That came with it; empty: none.
  std::int64_t now_s = 0;    // Since 1970.
  // The person showed who they are no earlier; nullopt: whenever.
  std::optional<std::int64_t> shown_since_s = {};
};

struct Claims {
  std::string subject;
  std::string email;  // Empty: it does not say.
  bool is_email_verified = false;
  std::string wished_name;  // preferred_username, else what is before the @; may be empty.
};

// Errors: kInvalidArgument (malformed, or not as expected; the message says which claim, and
// nothing that is in it), kNotFound (signed by a key that is not in the set: newer ones may have
// it), kPermissionDenied (the signature), kTooLarge.
[[nodiscard]] Result<Claims> CheckIdToken(std::string_view token, const KeySet& keys,
                                          const Expected& expected);

}  // namespace holdfast::oidc
