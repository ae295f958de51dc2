#include "crypto/keyed_hash.h"

#include <algorithm>

#include <sodium.h>

#include "base/check.h"
#include "crypto/owned_file.h"
#include "crypto/random.h"

namespace holdfast::crypto {
namespace {

static_assert(crypto_shorthash_KEYBYTES == HashKey::kBytes);
static_assert(crypto_shorthash_BYTES == sizeof(std::uint64_t));

}  // namespace

HashKey HashKey::Random() {
  HashKey key;
  FillRandom(key.bytes_);
  return key;
}

HashKey HashKey::FromBytes(std::span<const std::byte, kBytes> bytes) {
  HashKey key;
  std::copy(bytes.begin(), bytes.end(), key.bytes_.begin());
  return key;
}

HashKey::~HashKey() { sodium_memzero(bytes_.data(), bytes_.size()); }

HashKey::HashKey(HashKey&& other) noexcept : bytes_(other.bytes_) {
  sodium_memzero(other.bytes_.data(), other.bytes_.size());
}

HashKey& HashKey::operator=(HashKey&& other) noexcept {
  if (this == &other) return *this;
  bytes_ = other.bytes_;
  sodium_memzero(other.bytes_.data(), other.bytes_.size());
  return *this;
}

std::uint64_t HashKey::Hash(std::span<const std::byte> bytes) const {
  std::array<unsigned char, crypto_shorthash_BYTES> hash;
  CHECK(crypto_shorthash(hash.data(), reinterpret_cast<const unsigned char*>(bytes.data()),
                         bytes.size(), reinterpret_cast<const unsigned char*>(bytes_.data())) == 0);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < hash.size(); ++i) value |= std::uint64_t{hash[i]} << 8 * i;
  return value;
}

Result<HashKey> LoadOrMakeKey(const std::filesystem::path& path) {
  HashKey key;
  TRY(LoadOrMakeRandom(path, key.bytes_));
  return key;
}

}  // namespace holdfast::crypto
