#include "oidc/id_token.h"

#include <algorithm>

#include "base/secret.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "json/unique_keys.h"

namespace holdfast::oidc {
namespace {

constexpr json::Limits kLimits{.text_bytes_max = kTokenBytesMax, .depth_max = 16};
constexpr std::size_t kAudiencesMax = 32;
constexpr std::size_t kEmailBytesMax = 254;
constexpr std::size_t kNameBytesMax = 256;
constexpr std::int64_t kTimeMaxS = 1LL << 40;

struct Parts {
  std::string_view head;
  std::string_view payload;
  std::string_view signed_text;  // Both, and the dot between.
  std::string signature;
};

std::unexpected<Error> Wrong(std::string_view what) {
  return Fail(ErrorCode::kInvalidArgument, "the ID token: {}", what);
}

Result<Parts> Split(std::string_view token) {
  if (token.size() > kTokenBytesMax) {
    return Fail(ErrorCode::kTooLarge, "an ID token of {} bytes, over the limit of {}", token.size(),
                kTokenBytesMax);
  }
  const std::size_t first = token.find('.');
  const std::size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos) return Wrong("it has not three parts");
  const auto signature = crypto::DecodeBase64Url(token.substr(second + 1));
  if (!signature || signature->empty()) return Wrong("its signature");
  return Parts{token.substr(0, first), token.substr(first + 1, second - first - 1),
               token.substr(0, second), *signature};
}

Result<json::Object> ReadPart(std::string_view part) {
  const std::optional<std::string> text = crypto::DecodeBase64Url(part);
  if (!text) return Wrong("a part that is not base64url");
  Result<json::Value> value = json::ParseUnique(*text, kLimits);
  if (!value || !value->is_object()) return Wrong("a part that is no object, or names twice");
  return std::move(value->as_object());
}

Result<void> CheckSignature(const Parts& parts, const KeySet& keys) {
  TRY_ASSIGN(const json::Object head, ReadPart(parts.head));
  TRY_ASSIGN(const std::string algorithm, json::RequireString(head, "alg"));
  TRY_ASSIGN(const std::string key_id, json::StringOr(head, "kid", ""));
  const std::optional<crypto::SignatureScheme> scheme = SchemeOf(algorithm);
  if (!scheme) return Wrong("its algorithm is none that we take");
  // What must be understood and is not (RFC 7515, section 4.1.11).
  if (json::Find(head, "crit") != nullptr) return Wrong("it asks for extensions");
  const crypto::PublicKey* const key = keys.Find(key_id, *scheme);
  if (key == nullptr) return Fail(ErrorCode::kNotFound, "the ID token: no such key of its signer");
  if (!key->Verifies(parts.signed_text, parts.signature)) {
    return Fail(ErrorCode::kPermissionDenied, "the ID token: its signature is not the provider's");
  }
  return {};
}

Result<void> CheckAudience(const json::Object& claims, const std::string& client_id) {
  const json::Value* const audience = json::Find(claims, "aud");
  if (audience == nullptr) return Wrong("aud is missing");
  bool is_ours = audience->is_string() && audience->as_string() == client_id;
  bool has_others = false;
  if (audience->is_array()) {
    if (audience->as_array().size() > kAudiencesMax) return Wrong("aud is too long");
    for (const json::Value& one : audience->as_array()) {
      const bool is_us = one.is_string() && one.as_string() == client_id;
      is_ours = is_ours || is_us;
      has_others = has_others || !is_us;
    }
  }
  if (!is_ours) return Wrong("aud is not us");
  const json::Value* const party = json::Find(claims, "azp");
  if (party == nullptr && has_others) return Wrong("several aud, and no azp");
  if (party != nullptr && (!party->is_string() || party->as_string() != client_id)) {
    return Wrong("azp is not us");
  }
  return {};
}

Result<void> CheckTimes(const json::Object& claims, const Expected& expected) {
  const auto expires = json::RequireInt(claims, "exp", 0, kTimeMaxS);
  const auto issued = json::RequireInt(claims, "iat", 0, kTimeMaxS);
  if (!expires || !issued) return Wrong("exp or iat");
  if (*expires + kSkewS <= expected.now_s) return Wrong("it has expired");
  if (*issued - kSkewS > expected.now_s) return Wrong("it is of the future");
  if (*issued + kTokenAgeMaxS + kSkewS < expected.now_s) return Wrong("it is old");
  if (json::Find(claims, "nbf") != nullptr) {
    const auto begins = json::RequireInt(claims, "nbf", 0, kTimeMaxS);
    if (!begins || *begins - kSkewS > expected.now_s) return Wrong("it is not valid yet");
  }
  if (!expected.shown_since_s) return {};
  const auto shown = json::RequireInt(claims, "auth_time", 0, kTimeMaxS);
  if (!shown || *shown + kSkewS < *expected.shown_since_s) return Wrong("auth_time is not fresh");
  return {};
}

// The left half of the digest that goes with the algorithm; of all we take, EdDSA alone has another
// one, about which providers do not agree, so there it is not looked at.
Result<void> CheckAccessHash(const json::Object& claims, const json::Object& head,
                             const std::string& access_token) {
  const json::Value* const said = json::Find(claims, "at_hash");
  if (said == nullptr || access_token.empty()) return {};
  const json::Value* const algorithm = json::Find(head, "alg");
  if (algorithm != nullptr && algorithm->is_string() && algorithm->as_string() == "EdDSA")
    return {};
  crypto::Sha256 hash;
  hash.Update(access_token);
  const crypto::Digest256 digest = hash.Finish();
  const std::string half(reinterpret_cast<const char*>(digest.data()), digest.size() / 2);
  const bool is_same =
      said->is_string() && std::string_view(said->as_string()) == crypto::EncodeBase64Url(half);
  if (!is_same) return Wrong("at_hash is of another access token");
  return {};
}

std::string ShortText(const json::Object& claims, std::string_view key, std::size_t bytes_max) {
  const json::Value* const value = json::Find(claims, key);
  if (value == nullptr || !value->is_string() || value->as_string().size() > bytes_max) return {};
  std::string text(value->as_string());
  const bool has_control = std::ranges::any_of(text, [](unsigned char c) { return c < ' '; });
  return has_control ? std::string() : text;
}

// Some providers write the flag as a text.
bool IsVerified(const json::Object& claims) {
  const json::Value* const value = json::Find(claims, "email_verified");
  if (value == nullptr) return false;
  if (value->is_bool()) return value->as_bool();
  return value->is_string() && value->as_string() == "true";
}

Result<Claims> ReadClaims(const json::Object& claims) {
  Claims read;
  TRY_ASSIGN(read.subject, json::RequireString(claims, "sub"));
  const bool is_good =
      !read.subject.empty() && read.subject.size() <= kSubjectBytesMax &&
      std::ranges::all_of(read.subject, [](char c) { return c >= ' ' && c < '\x7f'; });
  if (!is_good) return Wrong("sub");
  read.email = ShortText(claims, "email", kEmailBytesMax);
  read.is_email_verified = !read.email.empty() && IsVerified(claims);
  read.wished_name = ShortText(claims, "preferred_username", kNameBytesMax);
  if (read.wished_name.empty()) read.wished_name = read.email;
  read.wished_name.resize(std::min(read.wished_name.find('@'), read.wished_name.size()));
  return read;
}

}  // namespace

Result<Claims> CheckIdToken(std::string_view token, const KeySet& keys, const Expected& expected) {
  TRY_ASSIGN(const Parts parts, Split(token));
  // The signature first: nothing of what is not signed is looked at.
  TRY(CheckSignature(parts, keys));
  TRY_ASSIGN(const json::Object head, ReadPart(parts.head));
  TRY_ASSIGN(const json::Object claims, ReadPart(parts.payload));
  TRY_ASSIGN(const std::string issuer, json::RequireString(claims, "iss"));
  if (issuer != expected.issuer) return Wrong("iss is another one");
  TRY(CheckAudience(claims, expected.client_id));
  TRY(CheckTimes(claims, expected));
  TRY_ASSIGN(const std::string nonce, json::RequireString(claims, "nonce"));
  if (!Secret(expected.nonce).Equals(nonce)) return Wrong("nonce is of another log-in");
  TRY(CheckAccessHash(claims, head, expected.access_token));
  return ReadClaims(claims);
}

}  // namespace holdfast::oidc
