// An authenticator with one passkey, in software, that says whatever a test wants it to say. For
// tests only. Single-threaded.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "base/check.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "crypto/passkey.h"
#include "crypto/random.h"

namespace holdfast::crypto {

class TestAuthenticator {
 public:
  static constexpr std::uint8_t kPresent = 0x01;
  static constexpr std::uint8_t kVerified = 0x04;
  static constexpr std::uint8_t kMayBeSynced = 0x08;
  static constexpr std::uint8_t kIsSynced = 0x10;
  static constexpr std::uint8_t kHasCredential = 0x40;
  static constexpr std::uint8_t kHasExtensions = 0x80;

  // What it says next.
  std::string host;
  std::string id = RandomBytes(32);
  std::uint8_t flags = kPresent | kVerified;
  std::uint32_t sign_count = 0;
  std::string extensions;  // CBOR; empty: none.
  std::string user_handle;

  TestAuthenticator(PasskeyAlgorithm algorithm, std::string host_name)
      : host(std::move(host_name)), algorithm_(algorithm), key_(MakeKey(algorithm)) {
    CHECK(key_ != nullptr);
  }
  ~TestAuthenticator() { EVP_PKEY_free(key_); }
  TestAuthenticator(const TestAuthenticator&) = delete;
  TestAuthenticator& operator=(const TestAuthenticator&) = delete;

  static std::string ClientData(std::string_view type, std::string_view challenge,
                                std::string_view origin) {
    return fmt::format(R"({{"type":"{}","challenge":"{}","origin":"{}","crossOrigin":false}})",
                       type, challenge, origin);
  }

  std::string RegistrationData() const {
    const std::string id_length = {static_cast<char>(id.size() >> 8), static_cast<char>(id.size())};
    return Head(flags | kHasCredential) + std::string(16, '\0') + id_length + id + CoseKey() +
           extensions;
  }
  std::string Attestation() const { return AttestationOf(RegistrationData()); }
  static std::string AttestationOf(const std::string& data) {
    std::string object =
        "\xa3\x63"
        "fmt\x64none\x67"
        "attStmt\xa0\x68"
        "authData\x59";
    object += {static_cast<char>(data.size() >> 8), static_cast<char>(data.size())};
    return object + data;
  }

  std::string AssertionData() const { return Head(flags) + extensions; }
  std::string Sign(const std::string& data, std::string_view client_data) const {
    Sha256 hash;
    hash.Update(client_data);
    const Digest256 client = hash.Finish();
    const std::string signed_text = data + std::string(client.begin(), client.end());
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    const EVP_MD* const digest = algorithm_ == PasskeyAlgorithm::kEdDsa ? nullptr : EVP_sha256();
    CHECK(EVP_DigestSignInit(context, nullptr, digest, nullptr, key_) == 1);
    std::string signature(512, '\0');
    std::size_t size = signature.size();
    CHECK(EVP_DigestSign(context, Bytes(signature), &size,
                         reinterpret_cast<const unsigned char*>(signed_text.data()),
                         signed_text.size()) == 1);
    EVP_MD_CTX_free(context);
    signature.resize(size);
    return signature;
  }

  // As a browser writes them: the answer to navigator.credentials.create and .get.
  std::string RegistrationJson(std::string_view challenge, std::string_view origin) const {
    return fmt::format(R"({{"id":"{0}","rawId":"{0}","type":"public-key",)"
                       R"("response":{{"clientDataJSON":"{1}","attestationObject":"{2}"}}}})",
                       EncodeBase64Url(id),
                       EncodeBase64Url(ClientData("webauthn.create", challenge, origin)),
                       EncodeBase64Url(Attestation()));
  }
  std::string AssertionJson(std::string_view challenge, std::string_view origin) const {
    const std::string client = ClientData("webauthn.get", challenge, origin);
    return fmt::format(
        R"({{"id":"{0}","rawId":"{0}","type":"public-key","response":{{"clientDataJSON":"{1}",)"
        R"("authenticatorData":"{2}","signature":"{3}","userHandle":"{4}"}}}})",
        EncodeBase64Url(id), EncodeBase64Url(client), EncodeBase64Url(AssertionData()),
        EncodeBase64Url(Sign(AssertionData(), client)), EncodeBase64Url(user_handle));
  }

 private:
  static EVP_PKEY* MakeKey(PasskeyAlgorithm algorithm) {
    constexpr std::size_t kRsaBits = 2048;
    switch (algorithm) {
      case PasskeyAlgorithm::kEs256:
        return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
      case PasskeyAlgorithm::kEdDsa:
        return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
      case PasskeyAlgorithm::kRs256:
        return EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", kRsaBits);
    }
    return nullptr;
  }

  static unsigned char* Bytes(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
  }

  std::string Head(std::uint8_t with_flags) const {
    if (!extensions.empty()) with_flags |= kHasExtensions;
    Sha256 hash;
    hash.Update(host);
    const Digest256 digest = hash.Finish();
    std::string head(digest.begin(), digest.end());
    head += static_cast<char>(with_flags);
    for (int shift = 24; shift >= 0; shift -= 8) head += static_cast<char>(sign_count >> shift);
    return head;
  }

  // The point, with the 4 of an uncompressed one before it; or the key of Ed25519.
  std::string PublicKey() const {
    std::string bytes(65, '\0');
    std::size_t size = 0;
    CHECK(EVP_PKEY_get_octet_string_param(key_, "pub", Bytes(bytes), bytes.size(), &size) == 1);
    bytes.resize(size);
    return bytes;
  }

  std::string Modulus() const {
    std::string bytes(256, '\0');
    OSSL_PARAM wanted[] = {{"n", OSSL_PARAM_UNSIGNED_INTEGER, bytes.data(), bytes.size(), 0},
                           {nullptr, 0, nullptr, 0, 0}};
    CHECK(EVP_PKEY_get_params(key_, wanted) == 1);
    std::ranges::reverse(bytes);  // It comes with its least byte first.
    return bytes;
  }

  // RFC 9053, section 7, and RFC 8230, section 4.
  std::string CoseKey() const {
    using std::string_literals::operator""s;
    switch (algorithm_) {
      case PasskeyAlgorithm::kEs256:
        return "\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20"s + PublicKey().substr(1, 32) +
               "\x22\x58\x20"s + PublicKey().substr(33);
      case PasskeyAlgorithm::kEdDsa:
        return "\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20"s + PublicKey();
      case PasskeyAlgorithm::kRs256:
        return "\xa4\x01\x03\x03\x39\x01\x00\x20\x59\x01\x00"s + Modulus() +
               "\x21\x43\x01\x00\x01"s;
    }
    return "";
  }

  const PasskeyAlgorithm algorithm_;
  EVP_PKEY* const key_;
};

}  // namespace holdfast::crypto
