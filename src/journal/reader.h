// Reader: a journal's rows in order, from its folder alone: of one that was left, or of one that is
// being written; then what comes is read as it comes. It changes nothing, and takes no lock.
// Single-threaded; holds a megabyte and one open file.
//
// What cannot be read is a gap row in its place: damage within a segment, and what the ring threw
// away before it was read. The end of the newest segment may be a block that is just being written;
// nothing is said of it until something follows.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/result.h"
#include "crypto/owned_file.h"
#include "journal/segment.h"
#include "journal/segment_ring.h"

namespace holdfast::journal {

class Reader {
 public:
  // From the oldest row. The folder may come later.
  explicit Reader(std::filesystem::path folder);

  // Appends what is there since the last call, about `rows_max` at most; how many. 0: no more yet.
  // Errors: of the system; kNotFound when there is no folder; kUnsupported.
  [[nodiscard]] Result<std::size_t> Read(std::vector<Row>& out, std::size_t rows_max = 4096);

  // Of the last row that was read: ids are of one instance.
  std::uint64_t instance() const { return head_.instance; }

 private:
  // The oldest segment that comes after the one before; false: none yet.
  Result<bool> OpenNext();
  Result<bool> HasNewer() const;
  Result<void> Refill();
  void TakeBlocks(std::vector<Row>& out, std::size_t rows_end);
  void Take(const Block& block, std::vector<Row>& out);

  const std::filesystem::path folder_;
  std::optional<crypto::Descriptor> file_;
  std::filesystem::path path_;
  std::optional<std::uint64_t> segment_;  // The one that is open, or was last.
  SegmentHead head_;
  std::uint64_t offset_ = 0;       // In the file, of the buffer's first byte.
  std::vector<std::byte> buffer_;  // Read, and not taken.
  bool is_at_end_ = false;         // The buffer holds all that there was behind its first byte.
  std::optional<std::uint64_t> next_block_;  // Expected; none before the first.
  bool has_damage_ = false;                  // Since the last sound block.
  guard::Time last_{};
};

}  // namespace holdfast::journal
