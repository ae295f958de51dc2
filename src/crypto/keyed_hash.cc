#include "crypto/keyed_hash.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

namespace holdfast::crypto {
namespace {

static_assert(crypto_shorthash_KEYBYTES == HashKey::kBytes);
static_assert(crypto_shorthash_BYTES == sizeof(std::uint64_t));

using KeyBytes = std::array<std::byte, HashKey::kBytes>;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  bool is_open() const { return number_ >= 0; }
  int number() const { return number_; }

 private:
  int number_;
};

bool IsMissing(const Error& error) { return error.code == ErrorCode::kNotFound; }

// One byte more than a key has, so that a longer file is seen.
Result<void> ReadWhole(int file, const std::filesystem::path& path, KeyBytes& bytes) {
  std::array<std::byte, HashKey::kBytes + 1> read{};
  std::size_t count = 0;
  while (count < read.size()) {
    const ssize_t got = ::read(file, read.data() + count, read.size() - count);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Fail(ErrnoError("read " + path.string()));
    if (got == 0) break;
    count += static_cast<std::size_t>(got);
  }
  if (count == bytes.size()) std::copy_n(read.begin(), bytes.size(), bytes.begin());
  sodium_memzero(read.data(), read.size());
  if (count == bytes.size()) return {};
  return Fail(ErrorCode::kCorrupt, "{}: a key has {} bytes, not {}", path.string(), bytes.size(),
              count > bytes.size() ? "more" : std::to_string(count));
}

Result<void> CheckOwner(int file, const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(file, &status) != 0) return Fail(ErrnoError("stat " + path.string()));
  if (!S_ISREG(status.st_mode)) {
    return Fail(ErrorCode::kCorrupt, "{}: a key is a plain file", path.string());
  }
  if (status.st_uid != ::geteuid()) {
    return Fail(ErrorCode::kPermissionDenied, "{}: a key must belong to who uses it",
                path.string());
  }
  if ((status.st_mode & 077) != 0) {
    return Fail(ErrorCode::kPermissionDenied,
                "{}: a key may be read by its owner alone (mode 0600, not {:04o})", path.string(),
                status.st_mode & 07777U);
  }
  return {};
}

Result<void> ReadKey(const std::filesystem::path& path, KeyBytes& bytes) {
  // Not blocking, so that a pipe of this name is refused and not waited for.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file.is_open()) return Fail(ErrnoError("open " + path.string()));
  TRY(CheckOwner(file.number(), path));
  return ReadWhole(file.number(), path, bytes);
}

Result<void> WriteWhole(int file, const std::filesystem::path& path, const KeyBytes& bytes) {
  std::size_t count = 0;
  while (count < bytes.size()) {
    const ssize_t put = ::write(file, bytes.data() + count, bytes.size() - count);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return Fail(ErrnoError("write " + path.string()));
    count += static_cast<std::size_t>(put);
  }
  if (::fsync(file) != 0) return Fail(ErrnoError("sync " + path.string()));
  return {};
}

Result<void> SyncFolder(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const Descriptor file(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!file.is_open()) return Fail(ErrnoError("open " + folder.string()));
  if (::fsync(file.number()) != 0) return Fail(ErrnoError("sync " + folder.string()));
  return {};
}

// A key of its own, under a name of its own, linked to `path` when it is whole. Whoever comes
// second finds the name taken, which is as good.
Result<void> MakeKey(const std::filesystem::path& path) {
  std::string made = path.string() + ".XXXXXX";
  const Descriptor file(::mkostemp(made.data(), O_CLOEXEC));  // 0600.
  if (!file.is_open()) return Fail(ErrnoError("make " + made));
  CHECK(sodium_init() >= 0);
  KeyBytes bytes;
  randombytes_buf(bytes.data(), bytes.size());
  Result<void> result = WriteWhole(file.number(), made, bytes);
  sodium_memzero(bytes.data(), bytes.size());
  if (result && ::link(made.c_str(), path.c_str()) != 0 && errno != EEXIST) {
    result = Fail(ErrnoError("link " + path.string()));
  }
  ::unlink(made.c_str());
  TRY(result);
  return SyncFolder(path);
}

}  // namespace

HashKey HashKey::Random() {
  CHECK(sodium_init() >= 0);
  HashKey key;
  randombytes_buf(key.bytes_.data(), key.bytes_.size());
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
  const Result<void> read = ReadKey(path, key.bytes_);
  if (read) return key;
  if (!IsMissing(read.error())) return Fail(read.error());
  TRY(MakeKey(path));
  TRY(ReadKey(path, key.bytes_));
  return key;
}

}  // namespace holdfast::crypto
