// Streaming digests: SHA-256 (manifests, as other tools print it) and BLAKE2b-256 (our own files,
// faster). Not keyed: they find damage, not forgery. Each object is single-threaded.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast::crypto {

using Digest256 = std::array<std::uint8_t, 32>;

// Lower-case hexadecimal, 64 characters.
std::string HexDigest(const Digest256& digest);

class Sha256 {
 public:
  Sha256();
  void Update(std::span<const std::byte> bytes);
  void Update(std::string_view text) { Update(std::as_bytes(std::span(text))); }
  // Ends the stream; the object must not be used after it.
  Digest256 Finish();

 private:
  alignas(64) std::array<std::byte, 128> state_;
};

class Blake2b {
 public:
  Blake2b();
  void Update(std::span<const std::byte> bytes);
  void Update(std::string_view text) { Update(std::as_bytes(std::span(text))); }
  // Ends the stream; the object must not be used after it.
  Digest256 Finish();

 private:
  alignas(64) std::array<std::byte, 384> state_;
};

// SHA-256 of a whole file, read in pieces. Errors: kNotFound, kPermissionDenied, kIo.
[[nodiscard]] Result<Digest256> Sha256OfFile(const std::filesystem::path& path);

}  // namespace holdfast::crypto
