#include "crypto/signing_key.h"

#include <sodium.h>

#include "base/check.h"
#include "crypto/owned_file.h"

namespace holdfast::crypto {

static_assert(SigningKey::kSeedBytes == crypto_sign_SEEDBYTES);
static_assert(SigningKey::kPublicBytes == crypto_sign_PUBLICKEYBYTES);
static_assert(SigningKey::kSignatureBytes == crypto_sign_BYTES);

Result<SigningKey> SigningKey::LoadOrMake(const std::filesystem::path& path) {
  std::array<std::byte, kSeedBytes> seed{};
  TRY(LoadOrMakeRandom(path, seed));
  SigningKey key = FromSeed(seed);
  sodium_memzero(seed.data(), seed.size());
  return key;
}

SigningKey SigningKey::FromSeed(std::span<const std::byte, kSeedBytes> seed) {
  static_assert(sizeof(secret_) == crypto_sign_SECRETKEYBYTES);
  SigningKey key;
  std::array<unsigned char, kPublicBytes> shown{};
  const auto* bytes = reinterpret_cast<const unsigned char*>(seed.data());
  CHECK(crypto_sign_seed_keypair(shown.data(), key.secret_.data(), bytes) == 0);
  return key;
}

SigningKey::SigningKey(SigningKey&& other) noexcept : secret_(other.secret_) {
  sodium_memzero(other.secret_.data(), other.secret_.size());
}

SigningKey::~SigningKey() { sodium_memzero(secret_.data(), secret_.size()); }

std::string SigningKey::Sign(std::string_view message) const {
  std::string signature(kSignatureBytes, '\0');
  CHECK(crypto_sign_detached(reinterpret_cast<unsigned char*>(signature.data()), nullptr,
                             reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                             secret_.data()) == 0);
  return signature;
}

std::string SigningKey::public_key() const {
  return {reinterpret_cast<const char*>(secret_.data()) + kSeedBytes, kPublicBytes};
}

}  // namespace holdfast::crypto
