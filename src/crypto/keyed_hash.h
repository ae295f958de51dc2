// Keyed hashes of what must not be stored or guessed at: an address, a name. SipHash-2-4, 64 bits:
// without the key nobody can tell whose hash it is, nor choose inputs whose hashes meet. Not for
// passwords, and not a signature. A key is single-threaded while it is made, immutable after.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "base/result.h"

namespace holdfast::crypto {

// Does not print, is wiped when it goes, and is moved, not copied: what was moved from hashes as
// with a key of zeros.
class HashKey {
 public:
  static constexpr std::size_t kBytes = 16;

  static HashKey Random();
  // Of a test, or of who keeps keys elsewhere.
  static HashKey FromBytes(std::span<const std::byte, kBytes> bytes);

  ~HashKey();
  HashKey(HashKey&& other) noexcept;
  HashKey& operator=(HashKey&& other) noexcept;

  std::uint64_t Hash(std::span<const std::byte> bytes) const;
  std::uint64_t Hash(std::string_view text) const { return Hash(std::as_bytes(std::span(text))); }

 private:
  HashKey() = default;
  friend Result<HashKey> LoadOrMakeKey(const std::filesystem::path& path);

  std::array<std::byte, kBytes> bytes_{};
};

// The key in the file; where there is none, one of 16 random bytes is made, for its owner alone
// (0600), whole or not at all also when the machine stops. Of two that make it at once both get the
// same. Errors: kCorrupt when its size is another; kPermissionDenied when somebody but its owner
// may read or change it, or it belongs to another user; kIo and others of the system.
[[nodiscard]] Result<HashKey> LoadOrMakeKey(const std::filesystem::path& path);

}  // namespace holdfast::crypto
