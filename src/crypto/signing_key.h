// SigningKey: the instance's own Ed25519 key (RFC 8032), by which others tell that a text is from
// this instance and is whole. It lies in a file of 32 random bytes for its owner alone, which is
// made where there is none. Immutable; thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast::crypto {

class SigningKey {
 public:
  static constexpr std::size_t kSeedBytes = 32;
  static constexpr std::size_t kPublicBytes = 32;
  static constexpr std::size_t kSignatureBytes = 64;

  // Errors: as of LoadOrMakeRandom (owned_file.h).
  [[nodiscard]] static Result<SigningKey> LoadOrMake(const std::filesystem::path& path);
  static SigningKey FromSeed(std::span<const std::byte, kSeedBytes> seed);
  ~SigningKey();
  SigningKey(SigningKey&& other) noexcept;
  SigningKey& operator=(SigningKey&&) = delete;

  // 64 bytes, of exactly this message.
  std::string Sign(std::string_view message) const;
  // 32 bytes, for PublicKey::OfEd25519.
  std::string public_key() const;

 private:
  SigningKey() = default;

  std::array<unsigned char, 64> secret_{};  // The seed, and the public key.
};

}  // namespace holdfast::crypto
