#include "journal/segment_ring.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

namespace holdfast::journal {
namespace {

constexpr std::string_view kLockName = "lock";

// The folder is its owner's alone, as is what is in it.
Result<void> MakeFolder(const std::filesystem::path& folder) {
  if (::mkdir(folder.c_str(), 0700) == 0) return crypto::SyncFolderOf(folder);
  if (errno == EEXIST) return {};
  return Fail(ErrnoError("make " + folder.string()));
}

Result<crypto::Descriptor> Lock(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / kLockName;
  crypto::Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.is_open()) return Fail(ErrnoError("open " + path.string()));
  TRY(crypto::LockFile(file.number(), path));
  return file;
}

}  // namespace

Result<std::vector<std::byte>> ReadSegment(const crypto::Descriptor& file,
                                           const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return Fail(ErrnoError("stat " + path.string()));
  std::vector<std::byte> bytes(
      std::min(static_cast<std::uint64_t>(status.st_size), kSegmentBytesMax));
  TRY_ASSIGN(const std::size_t count, crypto::ReadAt(file.number(), path, bytes, 0));
  bytes.resize(count);
  return bytes;
}

Result<SegmentFiles> ListSegments(const std::filesystem::path& folder) {
  SegmentFiles files;
  std::error_code error;
  for (std::filesystem::directory_iterator each(folder, error), end; !error && each != end;
       each.increment(error)) {
    if (const auto segment = SegmentOf(each->path().filename().string())) {
      files.emplace(*segment, each->path());
    }
  }
  if (!error) return files;
  return Fail(error == std::errc::no_such_file_or_directory ? ErrorCode::kNotFound : ErrorCode::kIo,
              "{}: {}", folder.string(), error.message());
}

Result<std::unique_ptr<SegmentRing>> SegmentRing::Open(const std::filesystem::path& folder,
                                                       const RingOptions& options) {
  CHECK(options.segment_bytes >= kSegmentBytesMin && options.segment_bytes <= kSegmentBytesMax);
  CHECK(options.bytes_max >= 2 * options.segment_bytes);
  TRY(MakeFolder(folder));
  TRY_ASSIGN(crypto::Descriptor lock, Lock(folder));
  std::unique_ptr<SegmentRing> ring(new SegmentRing(folder, options, std::move(lock)));
  TRY(ring->TakeOver());
  return ring;
}

Result<void> SegmentRing::TakeOver() {
  TRY_ASSIGN(const SegmentFiles files, ListSegments(folder_));
  if (!files.empty()) next_segment_ = files.rbegin()->first + 1;
  for (auto newest = files.rbegin(); newest != files.rend(); ++newest) {
    TRY_ASSIGN(const bool is_segment, Mend(newest->second));
    if (is_segment) break;
  }
  for (const auto& [segment, path] : files) {
    std::error_code error;
    const std::uint64_t size = std::filesystem::file_size(path, error);
    if (error) continue;
    sizes_.emplace(segment, size);
    bytes_ += size;
  }
  return {};
}

// Cuts off what is not whole at its end. What is damaged between sound blocks stays, for who
// checks. False: it is no segment of ours, and is left as it is.
Result<bool> SegmentRing::Mend(const std::filesystem::path& path) {
  TRY_ASSIGN(const crypto::Descriptor file, crypto::OpenOwned(path, O_RDWR));
  TRY_ASSIGN(const std::vector<std::byte> bytes, ReadSegment(file, path));
  const Result<SegmentHead> head = DecodeHead(bytes);
  if (!head) return false;
  next_block_ = head->first_block;
  std::size_t end = kSegmentHeadBytes;
  for (std::optional<std::size_t> at = end; at; at = FindBlock(bytes, end, head->instance)) {
    const Result<Block> block = DecodeBlock(std::span(bytes).subspan(*at), head->instance);
    if (!block) continue;
    end = *at + block->bytes;
    next_block_ = block->number + 1;
    last_row_ = block->rows.back().time;
  }
  if (end == bytes.size()) return true;
  cut_bytes_ = bytes.size() - end;
  if (::ftruncate(file.number(), static_cast<off_t>(end)) != 0) {
    return Fail(ErrnoError("cut " + path.string()));
  }
  TRY(crypto::SyncFile(file.number(), path));
  return true;
}

Result<void> SegmentRing::Append(std::span<const EncodedRow> rows, const Moment& now) {
  const std::string block = EncodeBlock(next_block_, options_.instance, rows);
  if (!file_ || offset_ + block.size() > options_.segment_bytes) TRY(Begin(now));
  TRY(Write(block));
  offset_ += block.size();
  bytes_ += block.size();
  sizes_.rbegin()->second += block.size();
  ++next_block_;
  return {};
}

Result<void> SegmentRing::Write(std::string_view block) {
  const Result<void> written =
      crypto::WriteAt(file_->number(), path_, block, static_cast<off_t>(offset_));
  // Where even this fails, the next block goes to another segment.
  if (!written && ::ftruncate(file_->number(), static_cast<off_t>(offset_)) != 0) file_.reset();
  return written;
}

Result<void> SegmentRing::Begin(const Moment& now) {
  if (file_) TRY(Sync());
  MakeRoom(options_.segment_bytes);
  const SegmentHead head{.segment = next_segment_,
                         .first_block = next_block_,
                         .instance = options_.instance,
                         .row_clock_us = now.time.time_since_epoch().count(),
                         .wall_clock_us = now.wall_clock_us};
  const std::filesystem::path path = folder_ / SegmentName(next_segment_);
  TRY(crypto::MakeOwned(path, EncodeHead(head)));
  sizes_.emplace(next_segment_, kSegmentHeadBytes);
  bytes_ += kSegmentHeadBytes;
  ++next_segment_;
  file_.reset();
  TRY_ASSIGN(crypto::Descriptor file, crypto::OpenOwned(path, O_RDWR));
  file_.emplace(std::move(file));
  path_ = path;
  offset_ = kSegmentHeadBytes;
  return {};
}

// One that cannot be removed is forgotten all the same: there is nothing to be done about it here.
void SegmentRing::MakeRoom(std::uint64_t bytes) {
  while (!sizes_.empty() &&
         (bytes_ + bytes > options_.bytes_max || sizes_.size() >= kSegmentsMax)) {
    const auto [segment, size] = *sizes_.begin();
    ::unlink((folder_ / SegmentName(segment)).c_str());
    bytes_ -= size;
    sizes_.erase(sizes_.begin());
  }
}

Result<void> SegmentRing::Sync() {
  if (!file_) return {};
  const Result<void> synced = crypto::SyncFile(file_->number(), path_);
  // Nobody knows what of it is on the disk, and no later sync would say.
  if (!synced) file_.reset();
  return synced;
}

}  // namespace holdfast::journal
