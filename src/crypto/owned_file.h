// Files that belong to this user alone (0600): keys, the key ring, the audit log. They are made
// whole or not at all, also when the machine stops. Free functions; thread-safe; that two processes
// do not write one file is its owner's care (LockFile).
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/result.h"

namespace holdfast::crypto {

// Closes its file when it goes.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : number_(other.number_) { other.number_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept;

  bool is_open() const { return number_ >= 0; }
  int number() const { return number_; }

 private:
  int number_;
};

// An open file that is there, after a look at whose it is. `flags` as open's: O_RDONLY, O_RDWR.
// Errors: kNotFound; kCorrupt when it is no plain file; kPermissionDenied when somebody but its
// owner may read or change it, or it belongs to another user; kIo and others of the system.
[[nodiscard]] Result<Descriptor> OpenOwned(const std::filesystem::path& path, int flags);

// A file with these bytes, under `path` once it is whole and synced. kAlreadyExists when something
// has that name.
[[nodiscard]] Result<void> MakeOwned(const std::filesystem::path& path, std::string_view bytes);

// The same of the pieces that `next` gives, until it gives nullopt. Errors: those of `next` too,
// and then there is no file.
using NextPiece = std::function<Result<std::optional<std::string>>()>;
[[nodiscard]] Result<void> MakeOwnedOf(const std::filesystem::path& path, const NextPiece& next);

// Key bytes out of a file; where there is none, it is made of random ones first. Of two that make
// it at once both get the same. Errors as of OpenOwned, and kCorrupt when its size is another.
[[nodiscard]] Result<void> LoadOrMakeRandom(const std::filesystem::path& path,
                                            std::span<std::byte> bytes);

// All of `bytes` from a file that is as long and no longer; kCorrupt otherwise.
[[nodiscard]] Result<void> ReadExactly(int file, const std::filesystem::path& path,
                                       std::span<std::byte> bytes);
// From `offset` on, fewer than asked for at the end of the file. Returns how many.
[[nodiscard]] Result<std::size_t> ReadAt(int file, const std::filesystem::path& path,
                                         std::span<std::byte> bytes, off_t offset);
[[nodiscard]] Result<void> WriteAt(int file, const std::filesystem::path& path,
                                   std::string_view bytes, off_t offset);
// The bytes, and the length of the file, are on the disk when it returns.
[[nodiscard]] Result<void> SyncFile(int file, const std::filesystem::path& path);
// The names in the folder of `path` are on the disk when it returns.
[[nodiscard]] Result<void> SyncFolderOf(const std::filesystem::path& path);

// For as long as the file is open, no other open of it can be locked. kFailedPrecondition when
// another process, or another object of this one, has it.
[[nodiscard]] Result<void> LockFile(int file, const std::filesystem::path& path);

}  // namespace holdfast::crypto
