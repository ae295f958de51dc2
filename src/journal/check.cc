#include "journal/check.h"

#include <vector>

#include <fcntl.h>

#include "crypto/owned_file.h"
#include "journal/segment.h"
#include "journal/segment_ring.h"

namespace holdfast::journal {
namespace {

class Checker {
 public:
  Result<CheckReport> Check(const std::filesystem::path& folder) {
    TRY_ASSIGN(const SegmentFiles files, ListSegments(folder));
    for (const auto& [segment, path] : files) {
      const Result<crypto::Descriptor> file = crypto::OpenOwned(path, O_RDONLY);
      // The ring came round since the folder was read.
      if (!file && file.error().code == ErrorCode::kNotFound) continue;
      if (!file) return Fail(file.error());
      TRY_ASSIGN(const std::vector<std::byte> bytes, ReadSegment(*file, path));
      ++report_.segments;
      report_.bytes += bytes.size();
      CheckSegment(segment, path.filename().string(), bytes);
    }
    return report_;
  }

 private:
  void CheckSegment(std::uint64_t segment, const std::string& name,
                    std::span<const std::byte> bytes) {
    const Result<SegmentHead> head = DecodeHead(bytes);
    if (!head) return Blame("{}: {}", name, head.error().message);
    if (head->segment != segment) {
      Blame("{}: its head says that it is segment {:016x}", name, head->segment);
    }
    if (next_block_ && head->first_block != *next_block_) {
      Blame("{}: it begins with block {}, and {} should follow", name, head->first_block,
            *next_block_);
    }
    next_block_ = head->first_block;
    for (std::size_t at = kSegmentHeadBytes; at < bytes.size();) {
      const Result<Block> block = DecodeBlock(bytes.subspan(at), head->instance);
      if (block) {
        Count(*block, name, at);
        at += block->bytes;
        continue;
      }
      Blame("{}: block {} at byte {}: {}", name, *next_block_, at, block.error().message);
      const auto next = FindBlock(bytes, at + kBlockAlign, head->instance);
      if (!next) return;
      at = *next;
      next_block_.reset();
    }
  }

  void Count(const Block& block, const std::string& name, std::size_t at) {
    if (next_block_ && block.number != *next_block_) {
      Blame("{}: block {} at byte {} is where {} should be", name, block.number, at, *next_block_);
    }
    next_block_ = block.number + 1;
    ++report_.blocks;
    report_.rows += block.rows.size();
    for (const Row& row : block.rows) {
      if (const auto* gap = std::get_if<Gap>(&row.what)) {
        ++report_.gaps;
        report_.rows_lost += gap->rows;
      }
    }
    if (!report_.from) report_.from = block.rows.front().time;
    report_.to = block.rows.back().time;
  }

  template <typename... Args>
  void Blame(fmt::format_string<Args...> format, Args&&... args) {
    if (!report_.fault) report_.fault = fmt::format(format, std::forward<Args>(args)...);
  }

  CheckReport report_;
  std::optional<std::uint64_t> next_block_;  // As far as it is known.
};

}  // namespace

Result<CheckReport> CheckFolder(const std::filesystem::path& folder) {
  return Checker().Check(folder);
}

}  // namespace holdfast::journal
