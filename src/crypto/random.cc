#include "crypto/random.h"

#include <sodium.h>

#include "base/check.h"
#include "base/secret.h"
#include "crypto/encoding.h"

namespace holdfast::crypto {

void FillRandom(std::span<std::byte> bytes) {
  CHECK(sodium_init() >= 0);
  randombytes_buf(bytes.data(), bytes.size());
}

std::string RandomBytes(std::size_t count) {
  std::string bytes(count, '\0');
  FillRandom(std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

std::string RandomToken(std::size_t bytes) {
  std::string raw = RandomBytes(bytes);
  std::string token = EncodeBase64Url(raw);
  Secret::Wipe(raw);
  return token;
}

}  // namespace holdfast::crypto
