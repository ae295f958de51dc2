// AtomicFile: a file written under a temporary name beside its target, which it replaces in one
// step when it is whole and on the disk. Dropped before Commit, it leaves nothing behind. Move-only
// owner; single-threaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast::weights {

class AtomicFile {
 public:
  // Makes "<path>.partial". Errors: kPermissionDenied, kNotFound, kDiskFull, kIo.
  [[nodiscard]] static Result<AtomicFile> Create(const std::filesystem::path& path);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  ~AtomicFile();

  // Appends. After an error the file cannot be committed. Errors: kDiskFull, kIo.
  [[nodiscard]] Result<void> Write(std::span<const std::byte> bytes);
  [[nodiscard]] Result<void> Write(std::string_view text) {
    return Write(std::as_bytes(std::span(text.data(), text.size())));
  }

  // Flushes to the disk and renames to the target, then flushes the directory.
  [[nodiscard]] Result<void> Commit();

  std::uint64_t bytes_written() const { return bytes_written_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  AtomicFile() = default;
  Result<void> Flush();
  std::filesystem::path PartialPath() const;

  std::filesystem::path path_;
  int fd_ = -1;
  bool has_failed_ = false;
  std::vector<std::byte> buffer_;
  std::uint64_t bytes_written_ = 0;
};

// The whole file at once. Errors: those of AtomicFile.
[[nodiscard]] Result<void> WriteWholeFile(const std::filesystem::path& path, std::string_view text);

}  // namespace holdfast::weights
