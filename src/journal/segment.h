// The form of the journal's segments: a header, then blocks of rows, each with a checksum and a
// number that runs through all segments of a folder. docs/formats/journal.md. Free functions over
// bytes; no file is touched here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "journal/row.h"

namespace holdfast::journal {

inline constexpr std::size_t kSegmentHeadBytes = 64;
inline constexpr std::size_t kBlockHeadBytes = 32;
inline constexpr std::size_t kBlockRowsMax = 512;
inline constexpr std::size_t kBlockBytesMax = kBlockHeadBytes + kBlockRowsMax * kRowBytes;
// Blocks begin at multiples of it.
inline constexpr std::size_t kBlockAlign = 8;

constexpr std::size_t BlockBytes(std::size_t rows) { return kBlockHeadBytes + rows * kRowBytes; }

struct SegmentHead {
  std::uint64_t segment = 0;      // Runs on through all instances, as does
  std::uint64_t first_block = 0;  // the number of its first block.
  std::uint64_t instance = 0;     // Random, of each start of the gateway.
  // One moment by the clock of the rows and by the wall: what they are apart is how far the wall's
  // clock was set, or ran, since the start.
  std::int64_t row_clock_us = 0;
  std::int64_t wall_clock_us = 0;

  bool operator==(const SegmentHead&) const = default;
};

std::string EncodeHead(const SegmentHead& head);
// Errors: kCorrupt; kUnsupported, of another version.
[[nodiscard]] Result<SegmentHead> DecodeHead(std::span<const std::byte> bytes);

// At most kBlockRowsMax rows, at least one.
std::string EncodeBlock(std::uint64_t number, std::uint64_t instance,
                        std::span<const EncodedRow> rows);

struct Block {
  std::uint64_t number = 0;
  std::size_t bytes = 0;  // With its head.
  std::vector<Row> rows;
};
// The block that `bytes` begin with. Errors: kOutOfRange, where it goes on after their end;
// kCorrupt.
[[nodiscard]] Result<Block> DecodeBlock(std::span<const std::byte> bytes, std::uint64_t instance);

// Where in `bytes` the next sound block begins, at `from` or after it; nullopt: nowhere.
std::optional<std::size_t> FindBlock(std::span<const std::byte> bytes, std::size_t from,
                                     std::uint64_t instance);

// "segment-000000000000002a.journal".
std::string SegmentName(std::uint64_t segment);
std::optional<std::uint64_t> SegmentOf(std::string_view name);

}  // namespace holdfast::journal
