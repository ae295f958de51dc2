#include "crypto/sealed.h"

#include <algorithm>
#include <cstdint>

#include <sodium.h>

#include "base/check.h"
#include "base/secret.h"
#include "crypto/random.h"

namespace holdfast::crypto {
namespace {

constexpr char kVersion = 1;
constexpr std::size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(DataKey::kBytes == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
static_assert(kSealBytes == 1 + kNonceBytes + kTagBytes);

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* Bytes(const DataKey& key) {
  return reinterpret_cast<const unsigned char*>(key.Reveal().data());
}

std::string_view AsText(const DataKey& key) {
  return {reinterpret_cast<const char*>(key.Reveal().data()), DataKey::kBytes};
}

// The version is authenticated too: no later form can be passed off as this one.
std::string Authenticated(std::string_view associated_data) {
  std::string text(1, kVersion);
  return text.append(associated_data);
}

}  // namespace

DataKey DataKey::Random() {
  DataKey key;
  FillRandom(key.bytes_);
  return key;
}

DataKey DataKey::FromBytes(std::span<const std::byte, kBytes> bytes) {
  DataKey key;
  std::copy(bytes.begin(), bytes.end(), key.bytes_.begin());
  return key;
}

DataKey::~DataKey() { sodium_memzero(bytes_.data(), bytes_.size()); }

DataKey::DataKey(DataKey&& other) noexcept : bytes_(other.bytes_) {
  sodium_memzero(other.bytes_.data(), other.bytes_.size());
}

DataKey& DataKey::operator=(DataKey&& other) noexcept {
  if (this == &other) return *this;
  bytes_ = other.bytes_;
  sodium_memzero(other.bytes_.data(), other.bytes_.size());
  return *this;
}

bool DataKey::Equals(const DataKey& other) const {
  return sodium_memcmp(bytes_.data(), other.bytes_.data(), bytes_.size()) == 0;
}

std::string Seal(const DataKey& key, std::string_view plaintext, std::string_view associated_data) {
  std::string sealed(plaintext.size() + kSealBytes, '\0');
  sealed[0] = kVersion;
  unsigned char* const nonce = Bytes(sealed) + 1;
  FillRandom(std::as_writable_bytes(std::span(nonce, kNonceBytes)));
  const std::string authenticated = Authenticated(associated_data);
  CHECK(crypto_aead_xchacha20poly1305_ietf_encrypt(
            nonce + kNonceBytes, nullptr, Bytes(plaintext), plaintext.size(), Bytes(authenticated),
            authenticated.size(), nullptr, nonce, Bytes(key)) == 0);
  return sealed;
}

Result<std::string> Open(const DataKey& key, std::string_view sealed,
                         std::string_view associated_data) {
  if (sealed.size() < kSealBytes || sealed[0] != kVersion) {
    return Fail(ErrorCode::kCorrupt, "not a sealed text");
  }
  const std::string_view nonce = sealed.substr(1, kNonceBytes);
  const std::string_view ciphertext = sealed.substr(1 + kNonceBytes);
  const std::string authenticated = Authenticated(associated_data);
  std::string plaintext(ciphertext.size() - kTagBytes, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(
          Bytes(plaintext), nullptr, nullptr, Bytes(ciphertext), ciphertext.size(),
          Bytes(authenticated), authenticated.size(), Bytes(nonce), Bytes(key)) != 0) {
    return Fail(ErrorCode::kCorrupt, "a sealed text that does not open");
  }
  return plaintext;
}

std::string SealKey(const DataKey& key, const DataKey& sealed, std::string_view associated_data) {
  return Seal(key, AsText(sealed), associated_data);
}

Result<DataKey> OpenKey(const DataKey& key, std::string_view sealed,
                        std::string_view associated_data) {
  TRY_ASSIGN(std::string bytes, Open(key, sealed, associated_data));
  if (bytes.size() != DataKey::kBytes) {
    Secret::Wipe(bytes);
    return Fail(ErrorCode::kCorrupt, "a sealed text that is no key");
  }
  DataKey opened =
      DataKey::FromBytes(std::as_bytes(std::span(bytes)).subspan<0, DataKey::kBytes>());
  Secret::Wipe(bytes);
  return opened;
}

std::string KeyId(const DataKey& key) {
  CHECK(sodium_init() >= 0);
  constexpr std::string_view kPurpose = "holdfast key id";
  std::string id(kKeyIdBytes, '\0');
  const std::string_view key_text = AsText(key);
  CHECK(crypto_generichash(Bytes(id), id.size(), Bytes(kPurpose), kPurpose.size(), Bytes(key_text),
                           key_text.size()) == 0);
  return id;
}

}  // namespace holdfast::crypto
