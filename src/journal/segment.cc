#include "journal/segment.h"

#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "journal/crc32c.h"
#include "journal/little_endian.h"

namespace holdfast::journal {
namespace {

constexpr std::string_view kMagic = "HFJRNL\r\n";
constexpr std::uint32_t kVersion = 1;
constexpr std::uint32_t kBlockMagic = 0x4B4C4248;  // "HBLK".
constexpr std::size_t kHeadSumAt = kSegmentHeadBytes - 4;

constexpr std::string_view kNameStart = "segment-";
constexpr std::string_view kNameEnd = ".journal";
constexpr std::size_t kNameDigits = 16;

std::span<std::byte> BytesOf(std::string& text) {
  return std::as_writable_bytes(std::span(text.data(), text.size()));
}

// Of all after magic and checksum.
std::uint32_t BlockSum(std::span<const std::byte> block) { return Crc32c(block.subspan(8)); }

}  // namespace

std::string EncodeHead(const SegmentHead& head) {
  std::string bytes(kSegmentHeadBytes, '\0');
  const std::span<std::byte> all = BytesOf(bytes);
  ByteWriter writer(all);
  writer.PutText(kMagic, kMagic.size());
  writer.Put(kVersion);
  writer.Put(static_cast<std::uint32_t>(kRowBytes));
  writer.Put(head.segment);
  writer.Put(head.first_block);
  writer.Put(head.instance);
  writer.Put(head.row_clock_us);
  writer.Put(head.wall_clock_us);
  ByteWriter(all.subspan(kHeadSumAt)).Put(Crc32c(all.first(kHeadSumAt)));
  return bytes;
}

Result<SegmentHead> DecodeHead(std::span<const std::byte> bytes) {
  if (bytes.size() < kSegmentHeadBytes) return Fail(ErrorCode::kCorrupt, "its head is cut off");
  bytes = bytes.first(kSegmentHeadBytes);
  ByteReader reader(bytes);
  if (reader.TakeText(kMagic.size()) != kMagic) {
    return Fail(ErrorCode::kCorrupt, "it is no segment of a journal");
  }
  if (ByteReader(bytes.subspan(kHeadSumAt)).Take<std::uint32_t>() !=
      Crc32c(bytes.first(kHeadSumAt))) {
    return Fail(ErrorCode::kCorrupt, "the checksum of its head is wrong");
  }
  const auto version = reader.Take<std::uint32_t>();
  const auto row_bytes = reader.Take<std::uint32_t>();
  if (version != kVersion || row_bytes != kRowBytes) {
    return Fail(ErrorCode::kUnsupported, "version {} with rows of {} bytes, not {} with {}",
                version, row_bytes, kVersion, kRowBytes);
  }
  SegmentHead head;
  head.segment = reader.Take<std::uint64_t>();
  head.first_block = reader.Take<std::uint64_t>();
  head.instance = reader.Take<std::uint64_t>();
  head.row_clock_us = reader.Take<std::int64_t>();
  head.wall_clock_us = reader.Take<std::int64_t>();
  if (reader.Take<std::uint32_t>() != 0) return Fail(ErrorCode::kCorrupt, "its head has more");
  return head;
}

std::string EncodeBlock(std::uint64_t number, std::uint64_t instance,
                        std::span<const EncodedRow> rows) {
  CHECK(!rows.empty() && rows.size() <= kBlockRowsMax);
  std::string bytes(BlockBytes(rows.size()), '\0');
  const std::span<std::byte> all = BytesOf(bytes);
  auto to = all.begin() + kBlockHeadBytes;
  for (const EncodedRow& row : rows) to = std::ranges::copy(row, to).out;
  ByteWriter writer(all.subspan(8));
  writer.Put(number);
  writer.Put(instance);
  writer.Put(static_cast<std::uint32_t>(rows.size()));
  ByteWriter start(all);
  start.Put(kBlockMagic);
  start.Put(BlockSum(all));
  return bytes;
}

Result<Block> DecodeBlock(std::span<const std::byte> bytes, std::uint64_t instance) {
  if (bytes.size() < kBlockHeadBytes) return Fail(ErrorCode::kOutOfRange, "its head is cut off");
  ByteReader reader(bytes);
  if (reader.Take<std::uint32_t>() != kBlockMagic) {
    return Fail(ErrorCode::kCorrupt, "no block begins here");
  }
  const auto sum = reader.Take<std::uint32_t>();
  Block block;
  block.number = reader.Take<std::uint64_t>();
  const auto of_instance = reader.Take<std::uint64_t>();
  const auto rows = reader.Take<std::uint32_t>();
  if (rows == 0 || rows > kBlockRowsMax) {
    return Fail(ErrorCode::kCorrupt, "{} rows, not 1 to {}", rows, kBlockRowsMax);
  }
  block.bytes = BlockBytes(rows);
  if (bytes.size() < block.bytes) return Fail(ErrorCode::kOutOfRange, "it is cut off");
  bytes = bytes.first(block.bytes);
  if (BlockSum(bytes) != sum) return Fail(ErrorCode::kCorrupt, "its checksum is wrong");
  if (reader.Take<std::uint32_t>() != 0) return Fail(ErrorCode::kCorrupt, "its head has more");
  if (of_instance != instance) return Fail(ErrorCode::kCorrupt, "it is of another instance");
  for (std::span rest = bytes.subspan(kBlockHeadBytes); !rest.empty();
       rest = rest.subspan(kRowBytes)) {
    TRY_ASSIGN(Row row, Decode(rest.first<kRowBytes>()));
    block.rows.push_back(std::move(row));
  }
  return block;
}

std::optional<std::size_t> FindBlock(std::span<const std::byte> bytes, std::size_t from,
                                     std::uint64_t instance) {
  from = (from + kBlockAlign - 1) / kBlockAlign * kBlockAlign;
  for (std::size_t at = from; at + kBlockHeadBytes < bytes.size(); at += kBlockAlign) {
    if (DecodeBlock(bytes.subspan(at), instance)) return at;
  }
  return std::nullopt;
}

std::string SegmentName(std::uint64_t segment) {
  return fmt::format("{}{:016x}{}", kNameStart, segment, kNameEnd);
}

std::optional<std::uint64_t> SegmentOf(std::string_view name) {
  if (name.size() != kNameStart.size() + kNameDigits + kNameEnd.size()) return std::nullopt;
  std::uint64_t segment = 0;
  const char* const digits = name.data() + kNameStart.size();
  const auto [end, error] = std::from_chars(digits, digits + kNameDigits, segment, 16);
  if (error != std::errc{} || end != digits + kNameDigits) return std::nullopt;
  if (SegmentName(segment) != name) return std::nullopt;
  return segment;
}

}  // namespace holdfast::journal
