#include "weights/atomic_file.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "base/check.h"

namespace holdfast::weights {
namespace {

// One system call a megabyte.
constexpr std::size_t kBufferBytes = 1u << 20;

Result<void> SyncDirectory(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory.empty() ? std::filesystem::path(".") : directory;
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Fail(ErrnoError(path.string()));
  // Some file systems cannot sync directories (EINVAL); the rename itself has succeeded.
  const bool has_failed = ::fsync(fd) != 0 && errno != EINVAL;
  Error error = ErrnoError(path.string());
  ::close(fd);
  if (has_failed) return Fail(std::move(error));
  return {};
}

}  // namespace

Result<AtomicFile> AtomicFile::Create(const std::filesystem::path& path) {
  AtomicFile file;
  file.path_ = path;
  const std::string partial = file.PartialPath().string();
  file.fd_ = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file.fd_ < 0) return Fail(ErrnoError(partial));
  file.buffer_.reserve(kBufferBytes);
  return file;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      has_failed_(other.has_failed_),
      buffer_(std::move(other.buffer_)),
      bytes_written_(other.bytes_written_) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(has_failed_, other.has_failed_);
  std::swap(buffer_, other.buffer_);
  std::swap(bytes_written_, other.bytes_written_);
  return *this;
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(PartialPath().c_str());
}

std::filesystem::path AtomicFile::PartialPath() const { return path_.string() + ".partial"; }

Result<void> AtomicFile::Write(std::span<const std::byte> bytes) {
  CHECK(fd_ >= 0);
  bytes_written_ += bytes.size();
  while (!bytes.empty()) {
    const std::size_t part = std::min(bytes.size(), kBufferBytes - buffer_.size());
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(part));
    bytes = bytes.subspan(part);
    if (buffer_.size() == kBufferBytes) TRY(Flush());
  }
  return {};
}

Result<void> AtomicFile::Flush() {
  std::size_t done = 0;
  while (done < buffer_.size()) {
    const ssize_t count = ::write(fd_, buffer_.data() + done, buffer_.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      has_failed_ = true;
      return Fail(ErrnoError(PartialPath().string()));
    }
    done += static_cast<std::size_t>(count);
  }
  buffer_.clear();
  return {};
}

Result<void> AtomicFile::Commit() {
  CHECK(fd_ >= 0);
  if (has_failed_) {
    return Fail(ErrorCode::kFailedPrecondition, "{}: an earlier write failed", path_.string());
  }
  TRY(Flush());
  if (::fsync(fd_) != 0) return Fail(ErrnoError(PartialPath().string()));
  const int fd = std::exchange(fd_, -1);
  const bool is_closed = ::close(fd) == 0;
  if (!is_closed || ::rename(PartialPath().c_str(), path_.c_str()) != 0) {
    Error error = ErrnoError(path_.string());
    ::unlink(PartialPath().c_str());
    return Fail(std::move(error));
  }
  return SyncDirectory(path_.parent_path());
}

Result<void> WriteWholeFile(const std::filesystem::path& path, std::string_view text) {
  TRY_ASSIGN(AtomicFile file, AtomicFile::Create(path));
  TRY(file.Write(text));
  return file.Commit();
}

}  // namespace holdfast::weights
