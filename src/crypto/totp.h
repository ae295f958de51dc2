// One-time codes of an authenticator app: TOTP (RFC 6238) with what every app takes, HMAC-SHA1, six
// digits and steps of 30 seconds. The key is raw bytes. A guess fits with three chances in a
// million, so the caller limits the tries; and it keeps the step of the last code it took, to
// refuse one that is used again. Free functions; thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"

namespace holdfast::crypto {

inline constexpr std::size_t kTotpKeyBytes = 20;  // RFC 4226, section 4, R6: as long as the hash.
inline constexpr int kTotpDigits = 6;
inline constexpr std::chrono::seconds kTotpStep{30};
// Steps that a clock may be off, either way.
inline constexpr std::int64_t kTotpWindow = 1;

Secret MakeTotpKey();

// The code of a step, which is the time since 1970 in units of kTotpStep.
std::string TotpCode(const Secret& key, std::int64_t step);

// The step whose code this is, if it is that of now or of one within the window. Not to be taken
// when it is not after the last step that was.
[[nodiscard]] std::optional<std::int64_t> MatchTotp(const Secret& key, std::string_view code,
                                                    std::chrono::seconds since_1970);

// What an app reads from a square code: "otpauth://totp/ISSUER:ACCOUNT?secret=...". Any text of the
// names is made safe for a URI.
Secret TotpUri(const Secret& key, std::string_view issuer, std::string_view account);

}  // namespace holdfast::crypto
