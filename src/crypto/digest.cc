#include "crypto/digest.h"

#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include "base/check.h"

namespace holdfast::crypto {
namespace {

static_assert(sizeof(crypto_hash_sha256_state) <= 128);
static_assert(sizeof(crypto_generichash_state) <= 384);
static_assert(crypto_hash_sha256_BYTES == sizeof(Digest256));

constexpr std::size_t kReadBytes = 1u << 20;

const unsigned char* Data(std::span<const std::byte> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

template <typename State, typename Array>
State* As(Array& storage) {
  return reinterpret_cast<State*>(storage.data());
}

}  // namespace

std::string HexDigest(const Digest256& digest) {
  std::string hex(digest.size() * 2 + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), digest.data(), digest.size());
  hex.pop_back();
  return hex;
}

Sha256::Sha256() { CHECK(crypto_hash_sha256_init(As<crypto_hash_sha256_state>(state_)) == 0); }

void Sha256::Update(std::span<const std::byte> bytes) {
  CHECK(crypto_hash_sha256_update(As<crypto_hash_sha256_state>(state_), Data(bytes),
                                  bytes.size()) == 0);
}

Digest256 Sha256::Finish() {
  Digest256 digest;
  CHECK(crypto_hash_sha256_final(As<crypto_hash_sha256_state>(state_), digest.data()) == 0);
  return digest;
}

Blake2b::Blake2b() {
  CHECK(crypto_generichash_init(As<crypto_generichash_state>(state_), nullptr, 0,
                                sizeof(Digest256)) == 0);
}

void Blake2b::Update(std::span<const std::byte> bytes) {
  CHECK(crypto_generichash_update(As<crypto_generichash_state>(state_), Data(bytes),
                                  bytes.size()) == 0);
}

Digest256 Blake2b::Finish() {
  Digest256 digest;
  CHECK(crypto_generichash_final(As<crypto_generichash_state>(state_), digest.data(),
                                 digest.size()) == 0);
  return digest;
}

Result<Digest256> Sha256OfFile(const std::filesystem::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return Fail(ErrnoError("open " + path.string()));
  std::vector<std::byte> buffer(kReadBytes);
  Sha256 hash;
  for (;;) {
    const ssize_t got = ::read(file, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const Error error = ErrnoError("read " + path.string());
      ::close(file);
      return Fail(error);
    }
    if (got == 0) break;
    hash.Update(std::span(buffer).first(static_cast<std::size_t>(got)));
  }
  ::close(file);
  return hash.Finish();
}

}  // namespace holdfast::crypto
