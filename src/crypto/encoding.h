// Bytes as text (RFC 4648): base64, base64url, base32 and hexadecimal. base64url and base32 are
// written without padding, as links and authenticator apps take them. Decoding is strict: nullopt
// for a foreign character, white space, wrong padding, a length no bytes have, or bits left over
// that are not zero, so that bytes have one text only (hexadecimal: two, as capitals are read too).
// All but base32 take a time that depends on the length alone. Free functions; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace holdfast::crypto {

std::string EncodeBase64(std::string_view bytes);
std::string EncodeBase64Url(std::string_view bytes);
std::string EncodeBase32(std::string_view bytes);
std::string EncodeHex(std::string_view bytes);  // Lower case.

std::optional<std::string> DecodeBase64(std::string_view text);
std::optional<std::string> DecodeBase64Url(std::string_view text);
std::optional<std::string> DecodeBase32(std::string_view text);
std::optional<std::string> DecodeHex(std::string_view text);

}  // namespace holdfast::crypto
