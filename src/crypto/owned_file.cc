#include "crypto/owned_file.h"

#include <algorithm>
#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/random.h"

namespace holdfast::crypto {
namespace {

Result<void> CheckOwner(int file, const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(file, &status) != 0) return Fail(ErrnoError("stat " + path.string()));
  if (!S_ISREG(status.st_mode)) {
    return Fail(ErrorCode::kCorrupt, "{}: not a plain file", path.string());
  }
  if (status.st_uid != ::geteuid()) {
    return Fail(ErrorCode::kPermissionDenied, "{}: the file must belong to who uses it",
                path.string());
  }
  if ((status.st_mode & 077) != 0) {
    return Fail(ErrorCode::kPermissionDenied,
                "{}: the file may be read by its owner alone (mode 0600, not {:04o})",
                path.string(), status.st_mode & 07777U);
  }
  return {};
}

Result<void> LoadRandom(const std::filesystem::path& path, std::span<std::byte> bytes) {
  TRY_ASSIGN(const Descriptor file, OpenOwned(path, O_RDONLY));
  return ReadExactly(file.number(), path, bytes);
}

// Under a name of its own, linked to `path` when it is whole. Whoever comes second finds the name
// taken.
Result<void> MakeBy(const std::filesystem::path& path,
                    const std::function<Result<void>(int, const std::filesystem::path&)>& write) {
  std::string made = path.string() + ".XXXXXX";
  const Descriptor file(::mkostemp(made.data(), O_CLOEXEC));  // 0600.
  if (!file.is_open()) return Fail(ErrnoError("make " + made));
  Result<void> result = write(file.number(), made);
  if (result) result = SyncFile(file.number(), made);
  if (result && ::link(made.c_str(), path.c_str()) != 0) {
    result = Fail(ErrnoError("link " + path.string()));
  }
  ::unlink(made.c_str());
  TRY(result);
  return SyncFolderOf(path);
}

bool Is(const Result<void>& result, ErrorCode code) {
  return !result && result.error().code == code;
}

}  // namespace

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}

Result<Descriptor> OpenOwned(const std::filesystem::path& path, int flags) {
  // Not blocking, so that a pipe of this name is refused and not waited for.
  Descriptor file(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file.is_open() && errno == EISDIR) {
    return Fail(ErrorCode::kCorrupt, "{}: not a plain file", path.string());
  }
  if (!file.is_open()) return Fail(ErrnoError("open " + path.string()));
  TRY(CheckOwner(file.number(), path));
  return file;
}

Result<void> MakeOwned(const std::filesystem::path& path, std::string_view bytes) {
  return MakeBy(path, [&](int file, const std::filesystem::path& made) {
    return WriteAt(file, made, bytes, 0);
  });
}

Result<void> MakeOwnedOf(const std::filesystem::path& path, const NextPiece& next) {
  return MakeBy(path, [&](int file, const std::filesystem::path& made) -> Result<void> {
    for (off_t offset = 0;;) {
      TRY_ASSIGN(const std::optional<std::string> piece, next());
      if (!piece) return {};
      TRY(WriteAt(file, made, *piece, offset));
      offset += static_cast<off_t>(piece->size());
    }
  });
}

Result<void> LoadOrMakeRandom(const std::filesystem::path& path, std::span<std::byte> bytes) {
  const Result<void> loaded = LoadRandom(path, bytes);
  if (!Is(loaded, ErrorCode::kNotFound)) return loaded;
  std::string random = RandomBytes(bytes.size());
  const Result<void> made = MakeOwned(path, random);
  sodium_memzero(random.data(), random.size());
  if (!made && !Is(made, ErrorCode::kAlreadyExists)) return made;
  return LoadRandom(path, bytes);
}

Result<void> ReadExactly(int file, const std::filesystem::path& path, std::span<std::byte> bytes) {
  std::vector<std::byte> read(bytes.size() + 1);  // A longer file is seen.
  const Result<std::size_t> count = ReadAt(file, path, read, 0);
  const bool is_exact = count && *count == bytes.size();
  if (is_exact) std::copy_n(read.begin(), bytes.size(), bytes.begin());
  sodium_memzero(read.data(), read.size());
  if (!count) return Fail(count.error());
  if (is_exact) return {};
  return Fail(ErrorCode::kCorrupt, "{}: a key has {} bytes, not {}", path.string(), bytes.size(),
              *count > bytes.size() ? "more" : std::to_string(*count));
}

Result<std::size_t> ReadAt(int file, const std::filesystem::path& path, std::span<std::byte> bytes,
                           off_t offset) {
  std::size_t count = 0;
  while (count < bytes.size()) {
    const ssize_t got = ::pread(file, bytes.data() + count, bytes.size() - count,
                                offset + static_cast<off_t>(count));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Fail(ErrnoError("read " + path.string()));
    if (got == 0) break;
    count += static_cast<std::size_t>(got);
  }
  return count;
}

Result<void> WriteAt(int file, const std::filesystem::path& path, std::string_view bytes,
                     off_t offset) {
  std::size_t count = 0;
  while (count < bytes.size()) {
    const ssize_t put = ::pwrite(file, bytes.data() + count, bytes.size() - count,
                                 offset + static_cast<off_t>(count));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return Fail(ErrnoError("write " + path.string()));
    count += static_cast<std::size_t>(put);
  }
  return {};
}

Result<void> SyncFile(int file, const std::filesystem::path& path) {
  if (::fdatasync(file) != 0) return Fail(ErrnoError("sync " + path.string()));
  return {};
}

Result<void> SyncFolderOf(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const Descriptor file(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!file.is_open()) return Fail(ErrnoError("open " + folder.string()));
  if (::fsync(file.number()) != 0) return Fail(ErrnoError("sync " + folder.string()));
  return {};
}

Result<void> LockFile(int file, const std::filesystem::path& path) {
  while (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) {
      return Fail(ErrorCode::kFailedPrecondition, "{}: in use by another process", path.string());
    }
    return Fail(ErrnoError("lock " + path.string()));
  }
  return {};
}

}  // namespace holdfast::crypto
