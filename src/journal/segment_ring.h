// SegmentRing: the files of a journal where it is written: blocks are added to the newest segment,
// and the oldest is removed before a new one would make them all more than `bytes_max`. Owned by
// Writer, or by a test; single-threaded. One process at a time: the folder is locked.
//
// A block is there whole or not at all to whoever reads: one that could not be written is cut off
// again. What was synced outlives the machine; what was appended outlives the process.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "crypto/owned_file.h"
#include "journal/segment.h"

namespace holdfast::journal {

struct RingOptions {
  std::uint64_t bytes_max = 256U << 20;    // At least two segments.
  std::uint64_t segment_bytes = 8U << 20;  // kSegmentBytesMin to kSegmentBytesMax.
  std::uint64_t instance = 0;              // Random.
};
inline constexpr std::uint64_t kSegmentBytesMin = 64U << 10;
inline constexpr std::uint64_t kSegmentBytesMax = 64U << 20;
static_assert(kSegmentBytesMin >= kSegmentHeadBytes + kBlockBytesMax);
// So many files at most, however small they are: each start begins one.
inline constexpr std::size_t kSegmentsMax = 4096;

// The clock of the rows, and the wall's.
struct Moment {
  guard::Time time{};
  std::int64_t wall_clock_us = 0;
};

// By number, the oldest first.
using SegmentFiles = std::map<std::uint64_t, std::filesystem::path>;
// Errors: of the system.
[[nodiscard]] Result<SegmentFiles> ListSegments(const std::filesystem::path& folder);
// All of it, as far as any segment of ours goes.
[[nodiscard]] Result<std::vector<std::byte>> ReadSegment(const crypto::Descriptor& file,
                                                         const std::filesystem::path& path);

class SegmentRing {
 public:
  // The folder is made where there is none. What a crash left at the end of the newest segment is
  // cut off. Errors: kFailedPrecondition when another process has it; of the system.
  [[nodiscard]] static Result<std::unique_ptr<SegmentRing>> Open(
      const std::filesystem::path& folder, const RingOptions& options);
  SegmentRing(const SegmentRing&) = delete;
  SegmentRing& operator=(const SegmentRing&) = delete;

  // The latest row that was there when it was opened; nullopt: there was none.
  std::optional<guard::Time> last_row() const { return last_row_; }
  // What was cut off then.
  std::uint64_t cut_bytes() const { return cut_bytes_; }

  // One block of at most kBlockRowsMax rows. Errors: of the system, kDiskFull among them; then
  // nothing was written, and it may be tried again.
  [[nodiscard]] Result<void> Append(std::span<const EncodedRow> rows, const Moment& now);
  // After an error what was not synced goes on in another segment.
  [[nodiscard]] Result<void> Sync();

  std::uint64_t bytes() const { return bytes_; }  // Of all segments.

 private:
  SegmentRing(std::filesystem::path folder, const RingOptions& options, crypto::Descriptor lock)
      : folder_(std::move(folder)), options_(options), lock_(std::move(lock)) {}

  Result<void> TakeOver();
  Result<bool> Mend(const std::filesystem::path& path);
  Result<void> Begin(const Moment& now);
  Result<void> Write(std::string_view block);
  void MakeRoom(std::uint64_t bytes);

  const std::filesystem::path folder_;
  const RingOptions options_;
  const crypto::Descriptor lock_;
  std::map<std::uint64_t, std::uint64_t> sizes_;  // By segment.
  std::uint64_t bytes_ = 0;
  std::uint64_t next_segment_ = 0;
  std::uint64_t next_block_ = 0;
  std::optional<crypto::Descriptor> file_;  // The newest; none before the first block.
  std::filesystem::path path_;
  std::uint64_t offset_ = 0;
  std::optional<guard::Time> last_row_;
  std::uint64_t cut_bytes_ = 0;
};

}  // namespace holdfast::journal
