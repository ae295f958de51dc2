// ZipReader: reads files out of a stranger's ZIP in memory. It unpacks to strings alone: a name in
// an archive never becomes a path of ours.
//
// An archive is refused whole, when it is opened, for what no honest one has: names that lead out
// of a folder, the same name twice, links, entries that lie over each other, passwords. A ZIP64
// whose sizes are true is a ZIP like any other. ZIPs inside are bytes like any other.
// Single-threaded.
//
// Libzip checks each file against its sizes and its checksum while it is read. Where a parser can
// be attacked, this runs in a sandbox.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast::archives {

struct ZipLimits {
  std::size_t archive_bytes_max = std::size_t{64} << 20;
  std::size_t entries_max = 20'000;
  std::size_t name_bytes_max = 512;
  std::size_t depth_max = 16;  // Folders in a name.
  // Of all that is read together.
  std::size_t unpacked_bytes_max = std::size_t{64} << 20;
  // Of one file; texts stay under a hundred, and deflate ends at 1032. Files of a MiB may have any.
  std::size_t ratio_max = 200;
};

struct ZipFile {
  std::string name;
  std::uint64_t index = 0;
  std::uint64_t packed_bytes = 0;
  std::uint64_t unpacked_bytes = 0;
  bool has_known_method = false;  // Stored or deflated.
};

class ZipReader {
 public:
  // `archive` must outlive it. Errors, with the name of the entry: kInvalidArgument (no ZIP, or
  // none that an honest program writes), kUnsupported (encrypted), kTooLarge (over a limit).
  [[nodiscard]] static Result<std::unique_ptr<ZipReader>> Open(std::string_view archive,
                                                               const ZipLimits& limits);
  ~ZipReader();
  ZipReader(const ZipReader&) = delete;
  ZipReader& operator=(const ZipReader&) = delete;

  // In the order of the archive, without folders.
  std::span<const ZipFile> files() const { return files_; }
  // One of files(). Errors: kTooLarge (the limits over what is unpacked), kUnsupported (neither
  // stored nor deflated), kInvalidArgument (damaged).
  Result<std::string> Read(const ZipFile& file);

 private:
  struct State;
  ZipReader(std::unique_ptr<State> state, const ZipLimits& limits);
  Result<void> List(std::size_t archive_bytes);

  std::unique_ptr<State> state_;
  const ZipLimits limits_;
  std::vector<ZipFile> files_;
  std::size_t unpacked_bytes_ = 0;
};

// Begins as a ZIP does.
bool LooksLikeZip(std::string_view bytes);

}  // namespace holdfast::archives
