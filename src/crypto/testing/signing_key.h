// For tests only: a key of somebody else, with which a test signs what crypto/public_key.h is to
// check. Header-only, so that no program has it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include "base/check.h"
#include "crypto/public_key.h"

namespace holdfast::crypto::testing {

class SigningKey {
 public:
  static SigningKey Rsa(std::size_t bits = 2048) {
    return SigningKey(SignatureScheme::kRsaPkcs1Sha256,
                      EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", bits));
  }
  static SigningKey P256() {
    return SigningKey(SignatureScheme::kEcdsaP256Sha256, EVP_EC_gen("P-256"));
  }
  static SigningKey Ed25519() {
    return SigningKey(SignatureScheme::kEd25519, EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  }

  SignatureScheme scheme() const { return scheme_; }

  std::string Sign(std::string_view message) const {
    const bool is_ed25519 = scheme_ == SignatureScheme::kEd25519;
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    CHECK(EVP_DigestSignInit(context, nullptr, is_ed25519 ? nullptr : EVP_sha256(), nullptr,
                             key_.get()) == 1);
    const auto* const bytes = reinterpret_cast<const unsigned char*>(message.data());
    std::size_t count = 0;
    CHECK(EVP_DigestSign(context, nullptr, &count, bytes, message.size()) == 1);
    std::string signature(count, '\0');
    auto* const to = reinterpret_cast<unsigned char*>(signature.data());
    CHECK(EVP_DigestSign(context, to, &count, bytes, message.size()) == 1);
    EVP_MD_CTX_free(context);
    signature.resize(count);
    return scheme_ == SignatureScheme::kEcdsaP256Sha256 ? FromDer(signature) : signature;
  }

  // As a JWK has them, big-endian. modulus and exponent of RSA, x and y of P-256, x of Ed25519.
  std::string modulus() const { return NumberOf(OSSL_PKEY_PARAM_RSA_N); }
  std::string exponent() const { return NumberOf(OSSL_PKEY_PARAM_RSA_E); }
  std::string x() const {
    if (scheme_ == SignatureScheme::kEcdsaP256Sha256) return NumberOf(OSSL_PKEY_PARAM_EC_PUB_X, 32);
    std::string raw(32, '\0');
    std::size_t count = raw.size();
    CHECK(EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(raw.data()),
                                      &count) == 1);
    return raw;
  }
  std::string y() const { return NumberOf(OSSL_PKEY_PARAM_EC_PUB_Y, 32); }

  PublicKey public_key() const {
    if (scheme_ == SignatureScheme::kRsaPkcs1Sha256) {
      return PublicKey::OfRsa(modulus(), exponent()).value();
    }
    if (scheme_ == SignatureScheme::kEcdsaP256Sha256) return PublicKey::OfP256(x(), y()).value();
    return PublicKey::OfEd25519(x()).value();
  }

 private:
  SigningKey(SignatureScheme scheme, EVP_PKEY* key) : scheme_(scheme), key_(key, EVP_PKEY_free) {
    CHECK(key != nullptr);
  }

  std::string NumberOf(const char* name, std::size_t bytes = 0) const {
    BIGNUM* number = nullptr;
    CHECK(EVP_PKEY_get_bn_param(key_.get(), name, &number) == 1);
    std::string text(bytes != 0 ? bytes : static_cast<std::size_t>(BN_num_bytes(number)), '\0');
    CHECK(BN_bn2binpad(number, reinterpret_cast<unsigned char*>(text.data()),
                       static_cast<int>(text.size())) >= 0);
    BN_free(number);
    return text;
  }

  static std::string FromDer(const std::string& der) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
    ECDSA_SIG* const pair = d2i_ECDSA_SIG(nullptr, &bytes, static_cast<long>(der.size()));
    CHECK(pair != nullptr);
    std::string raw(64, '\0');
    auto* const to = reinterpret_cast<unsigned char*>(raw.data());
    CHECK(BN_bn2binpad(ECDSA_SIG_get0_r(pair), to, 32) == 32);
    CHECK(BN_bn2binpad(ECDSA_SIG_get0_s(pair), to + 32, 32) == 32);
    ECDSA_SIG_free(pair);
    return raw;
  }

  SignatureScheme scheme_;
  std::shared_ptr<EVP_PKEY> key_;
};

}  // namespace holdfast::crypto::testing
