#include "journal/reader.h"

#include <algorithm>
#include <span>
#include <utility>

#include <fcntl.h>

namespace holdfast::journal {
namespace {

constexpr std::size_t kBufferBytes = 1 << 20;
static_assert(kBufferBytes >= 2 * kBlockBytesMax);

}  // namespace

Reader::Reader(std::filesystem::path folder) : folder_(std::move(folder)) {}

Result<std::size_t> Reader::Read(std::vector<Row>& out, std::size_t rows_max) {
  const std::size_t rows_before = out.size();
  while (out.size() - rows_before < rows_max) {
    if (!file_) {
      TRY_ASSIGN(const bool is_open, OpenNext());
      if (!is_open) break;
    }
    // Asked first: if there is a newer one, what is read of this one now is all of it.
    TRY_ASSIGN(const bool is_done, HasNewer());
    const std::uint64_t offset_before = offset_;
    TRY(Refill());
    TakeBlocks(out, rows_before + rows_max);
    if (offset_ != offset_before || !is_at_end_) continue;
    if (!is_done) break;
    has_damage_ = has_damage_ || !buffer_.empty();
    file_.reset();
  }
  return out.size() - rows_before;
}

Result<bool> Reader::OpenNext() {
  TRY_ASSIGN(const SegmentFiles files, ListSegments(folder_));
  auto next = segment_ ? files.upper_bound(*segment_) : files.begin();
  for (; next != files.end(); ++next) {
    Result<crypto::Descriptor> file = crypto::OpenOwned(next->second, O_RDONLY);
    // The ring came round in between.
    if (!file && file.error().code == ErrorCode::kNotFound) continue;
    if (!file) return Fail(file.error());
    std::vector<std::byte> bytes(kSegmentHeadBytes);
    TRY_ASSIGN(const std::size_t count, crypto::ReadAt(file->number(), next->second, bytes, 0));
    const Result<SegmentHead> head = DecodeHead(std::span(bytes).first(count));
    segment_ = next->first;
    if (!head && head.error().code == ErrorCode::kUnsupported) return Fail(head.error());
    if (!head) {
      has_damage_ = true;
      continue;
    }
    file_.emplace(*std::move(file));
    path_ = next->second;
    head_ = *head;
    offset_ = kSegmentHeadBytes;
    buffer_.clear();
    is_at_end_ = false;
    return true;
  }
  return false;
}

Result<bool> Reader::HasNewer() const {
  TRY_ASSIGN(const SegmentFiles files, ListSegments(folder_));
  return !files.empty() && files.rbegin()->first > *segment_;
}

Result<void> Reader::Refill() {
  const std::size_t held = buffer_.size();
  buffer_.resize(kBufferBytes);
  const auto room = std::span(buffer_).subspan(held);
  const Result<std::size_t> count =
      crypto::ReadAt(file_->number(), path_, room, static_cast<off_t>(offset_ + held));
  buffer_.resize(held + count.value_or(0));
  TRY(count);
  is_at_end_ = *count < room.size();
  return {};
}

void Reader::TakeBlocks(std::vector<Row>& out, std::size_t rows_end) {
  std::size_t at = 0;
  while (at < buffer_.size() && out.size() < rows_end) {
    const auto bytes = std::span<const std::byte>(buffer_).subspan(at);
    if (const Result<Block> block = DecodeBlock(bytes, head_.instance)) {
      Take(*block, out);
      at += block->bytes;
      continue;
    }
    // A whole block is in so many bytes, if one begins here.
    if (!is_at_end_ && bytes.size() < kBlockBytesMax) break;
    const auto next = FindBlock(bytes, kBlockAlign, head_.instance);
    // At the end of the newest segment one may be on its way; else there is none in these bytes,
    // but for one that begins in the last of them.
    if (!next && is_at_end_) break;
    has_damage_ = true;
    at += next ? *next : (bytes.size() - kBlockBytesMax) / kBlockAlign * kBlockAlign + kBlockAlign;
  }
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(at));
  offset_ += at;
}

void Reader::Take(const Block& block, std::vector<Row>& out) {
  const guard::Time first = block.rows.front().time;
  const bool is_next = !next_block_ || block.number == *next_block_;
  if (has_damage_ || !is_next) {
    const GapCause cause = has_damage_ ? GapCause::kDamaged : GapCause::kOverrun;
    out.push_back({.time = first, .what = Gap{.cause = cause, .from = last_, .to = first}});
  }
  out.insert(out.end(), block.rows.begin(), block.rows.end());
  has_damage_ = false;
  next_block_ = block.number + 1;
  last_ = block.rows.back().time;
}

}  // namespace holdfast::journal
