// For tests only: ID tokens and key sets as a provider makes them. Header-only.
#pragma once

#include <string>
#include <string_view>

#include "crypto/encoding.h"
#include "crypto/testing/signing_key.h"
#include "json/json.h"

namespace holdfast::oidc::testing {

using crypto::testing::SigningKey;

inline std::string AlgorithmOf(const SigningKey& key) {
  switch (key.scheme()) {
    case crypto::SignatureScheme::kRsaPkcs1Sha256:
      return "RS256";
    case crypto::SignatureScheme::kEcdsaP256Sha256:
      return "ES256";
    case crypto::SignatureScheme::kEd25519:
      return "EdDSA";
  }
  return "";
}

inline std::string SignedText(std::string_view head, std::string_view claims) {
  return crypto::EncodeBase64Url(head) + "." + crypto::EncodeBase64Url(claims);
}

// Signed, whatever head and claims are.
inline std::string MakeToken(std::string_view head, std::string_view claims,
                             const SigningKey& key) {
  const std::string text = SignedText(head, claims);
  return text + "." + crypto::EncodeBase64Url(key.Sign(text));
}

inline json::Object JwkOf(const SigningKey& key, std::string_view id) {
  const auto text = [](const std::string& bytes) { return crypto::EncodeBase64Url(bytes); };
  json::Object jwk{{"kid", id}, {"use", "sig"}, {"alg", AlgorithmOf(key)}};
  if (key.scheme() == crypto::SignatureScheme::kRsaPkcs1Sha256) {
    jwk["kty"] = "RSA";
    jwk["n"] = text(key.modulus());
    jwk["e"] = text(key.exponent());
    return jwk;
  }
  const bool is_p256 = key.scheme() == crypto::SignatureScheme::kEcdsaP256Sha256;
  jwk["kty"] = is_p256 ? "EC" : "OKP";
  jwk["crv"] = is_p256 ? "P-256" : "Ed25519";
  jwk["x"] = text(key.x());
  if (is_p256) jwk["y"] = text(key.y());
  return jwk;
}

inline std::string KeySetText(json::Array keys) {
  return json::Write(json::Object{{"keys", std::move(keys)}});
}

}  // namespace holdfast::oidc::testing
