// MappedFile: a whole file mapped read-only. Owner of the mapping; views into it must not outlive
// it. The file must not be truncated while mapped (a read past the new end raises SIGBUS).
// Immutable after Open, so thread-safe.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "base/result.h"

namespace holdfast::tensor {

class MappedFile {
 public:
  // Errors: kNotFound, kPermissionDenied, kIo, kInvalidArgument (not a regular file).
  [[nodiscard]] static Result<MappedFile> Open(const std::filesystem::path& path);

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace holdfast::tensor
