// Sealed texts: XChaCha20-Poly1305 (IETF) with a random nonce, so that one key may seal as much as
// it likes. A sealed text is one version byte, the nonce of 24 bytes, and the ciphertext with its
// tag of 16 bytes. The associated data is not in it: who opens names it again. It binds the text to
// its place, for example "message:ID:content", so that a row's text moved to another row does not
// open. A DataKey is single-threaded while it is made, immutable after; the functions are
// thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast::crypto {

// Does not print, is wiped when it goes, and is moved, not copied: what was moved from is zeros.
class DataKey {
 public:
  static constexpr std::size_t kBytes = 32;

  static DataKey Random();
  // Wiping what the bytes were read from is the caller's.
  static DataKey FromBytes(std::span<const std::byte, kBytes> bytes);

  ~DataKey();
  DataKey(DataKey&& other) noexcept;
  DataKey& operator=(DataKey&& other) noexcept;

  // In constant time.
  bool Equals(const DataKey& other) const;
  // For the places that must say it: sealing, and wrapping it by another key.
  std::span<const std::byte, kBytes> Reveal() const { return bytes_; }

 private:
  DataKey() = default;

  std::array<std::byte, kBytes> bytes_{};
};

// A sealed text is this much longer than what it seals.
inline constexpr std::size_t kSealBytes = 1 + 24 + 16;

std::string Seal(const DataKey& key, std::string_view plaintext, std::string_view associated_data);

// Takes any bytes. Errors: kCorrupt when they were not sealed with this key and this associated
// data, and nothing is said of why.
[[nodiscard]] Result<std::string> Open(const DataKey& key, std::string_view sealed,
                                       std::string_view associated_data);

// A key sealed by another key.
inline constexpr std::size_t kSealedKeyBytes = kSealBytes + DataKey::kBytes;
std::string SealKey(const DataKey& key, const DataKey& sealed, std::string_view associated_data);
[[nodiscard]] Result<DataKey> OpenKey(const DataKey& key, std::string_view sealed,
                                      std::string_view associated_data);

// A name of 16 bytes for a key, which says nothing of it: to tell which key a file needs.
inline constexpr std::size_t kKeyIdBytes = 16;
std::string KeyId(const DataKey& key);

}  // namespace holdfast::crypto
