#include "oidc/key_set.h"

#include <algorithm>

#include "crypto/encoding.h"
#include "json/unique_keys.h"

namespace holdfast::oidc {
namespace {

constexpr json::Limits kLimits{.text_bytes_max = 256 << 10, .depth_max = 16};

Result<std::string> Bytes(const json::Object& key, std::string_view name) {
  TRY_ASSIGN(const std::string text, json::RequireString(key, name));
  const std::optional<std::string> bytes = crypto::DecodeBase64Url(text);
  if (!bytes) return Fail(ErrorCode::kInvalidArgument, "'{}' is not base64url", name);
  return *bytes;
}

Result<crypto::PublicKey> ReadKey(const json::Object& key) {
  TRY_ASSIGN(const std::string type, json::RequireString(key, "kty"));
  TRY_ASSIGN(const std::string curve, json::StringOr(key, "crv", ""));
  if (type == "RSA") {
    TRY_ASSIGN(const std::string n, Bytes(key, "n"));
    TRY_ASSIGN(const std::string e, Bytes(key, "e"));
    return crypto::PublicKey::OfRsa(n, e);
  }
  if (type == "EC" && curve == "P-256") {
    TRY_ASSIGN(const std::string x, Bytes(key, "x"));
    TRY_ASSIGN(const std::string y, Bytes(key, "y"));
    return crypto::PublicKey::OfP256(x, y);
  }
  if (type == "OKP" && curve == "Ed25519") {
    TRY_ASSIGN(const std::string x, Bytes(key, "x"));
    return crypto::PublicKey::OfEd25519(x);
  }
  return Fail(ErrorCode::kInvalidArgument, "of a kind that we do not take");
}

// nullopt: it is not for us.
std::optional<KeySet::Key> ReadMember(const json::Value& member) {
  if (!member.is_object()) return std::nullopt;
  const json::Object& object = member.as_object();
  const Result<std::string> use = json::StringOr(object, "use", "sig");
  const Result<std::string> id = json::StringOr(object, "kid", "");
  const Result<std::string> algorithm = json::StringOr(object, "alg", "");
  if (!use || *use != "sig" || !id || !algorithm) return std::nullopt;
  Result<crypto::PublicKey> key = ReadKey(object);
  // A key that says what it is for is for nothing else: an RSA key of PS256 checks no RS256.
  const bool fits = key && (algorithm->empty() || SchemeOf(*algorithm) == key->scheme());
  if (!fits) return std::nullopt;
  return KeySet::Key{*id, std::move(*key)};
}

}  // namespace

std::optional<crypto::SignatureScheme> SchemeOf(std::string_view algorithm) {
  if (algorithm == "RS256") return crypto::SignatureScheme::kRsaPkcs1Sha256;
  if (algorithm == "ES256") return crypto::SignatureScheme::kEcdsaP256Sha256;
  if (algorithm == "EdDSA") return crypto::SignatureScheme::kEd25519;
  return std::nullopt;
}

const crypto::PublicKey* KeySet::Find(std::string_view id, crypto::SignatureScheme scheme) const {
  const crypto::PublicKey* found = nullptr;
  for (const Key& one : keys_) {
    if (one.key.scheme() != scheme || (!id.empty() && one.id != id)) continue;
    if (found != nullptr) return nullptr;
    found = &one.key;
  }
  return found;
}

Result<KeySet> ReadKeySet(std::string_view text) {
  TRY_ASSIGN(const json::Value value, json::ParseUnique(text, kLimits));
  if (!value.is_object()) return Fail(ErrorCode::kInvalidArgument, "its keys are no object");
  TRY_ASSIGN(const json::Array* const members,
             json::RequireArray(value.as_object(), "keys", kKeysMax));
  std::vector<KeySet::Key> keys;
  for (const json::Value& member : *members) {
    if (std::optional<KeySet::Key> key = ReadMember(member)) keys.push_back(std::move(*key));
  }
  if (keys.empty()) return Fail(ErrorCode::kInvalidArgument, "it has no key of a kind we take");
  return KeySet(std::move(keys));
}

}  // namespace holdfast::oidc
