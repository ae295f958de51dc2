#include "audit/log.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

namespace holdfast::audit {
namespace {

Result<crypto::Descriptor> OpenOrMake(const std::filesystem::path& path) {
  Result<crypto::Descriptor> file = crypto::OpenOwned(path, O_RDWR);
  if (file || file.error().code != ErrorCode::kNotFound) return file;
  const Result<void> made = crypto::MakeOwned(path, "");
  if (!made && made.error().code != ErrorCode::kAlreadyExists) return Fail(made.error());
  return crypto::OpenOwned(path, O_RDWR);
}

Result<std::int64_t> FileBytes(int file, const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(file, &status) != 0) return Fail(ErrnoError("stat " + path.string()));
  return status.st_size;
}

}  // namespace

std::int64_t SystemTime_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Result<std::unique_ptr<Log>> Log::Open(const std::filesystem::path& path, LogOptions options) {
  TRY_ASSIGN(crypto::Descriptor file, OpenOrMake(path));
  TRY(crypto::LockFile(file.number(), path));
  std::unique_ptr<Log> log(new Log(path, std::move(file), std::move(options)));
  TRY(log->LoadEnd());
  return log;
}

Result<void> Log::LoadEnd() {
  TRY_ASSIGN(const std::int64_t file_bytes, FileBytes(file_.number(), path_));
  const std::int64_t begin =
      std::max<std::int64_t>(file_bytes - static_cast<std::int64_t>(kVerifiedAtOpenBytes), 0);
  std::string tail(static_cast<std::size_t>(file_bytes - begin), '\0');
  TRY(crypto::ReadAt(file_.number(), path_, std::as_writable_bytes(std::span(tail)), begin));
  const std::size_t end = tail.rfind('\n') + 1;  // 0 when there is none.
  cut_bytes_ = tail.size() - end;
  if (cut_bytes_ > kLineBytesMax) {
    return Fail(ErrorCode::kCorrupt, "{}: {} bytes at its end are no line", path_.string(),
                cut_bytes_);
  }
  TRY(FollowTail(std::string_view(tail).substr(0, end), begin == 0));
  written_bytes_ = begin + static_cast<std::int64_t>(end);
  if (cut_bytes_ == 0) return {};
  if (::ftruncate(file_.number(), written_bytes_) != 0) {
    return Fail(ErrnoError("cut " + path_.string()));
  }
  return crypto::SyncFile(file_.number(), path_);
}

Result<void> Log::FollowTail(std::string_view tail, bool is_whole_file) {
  if (!is_whole_file) tail.remove_prefix(tail.find('\n') + 1);
  Chain chain;
  bool is_first = !is_whole_file;
  while (!tail.empty()) {
    const std::size_t length = tail.find('\n');
    const Result<Record> record = ParseLine(tail.substr(0, length));
    // What comes before the first one here is not known, and is taken at its word.
    if (record && is_first) {
      chain = {.sequence = record->sequence - 1, .hash = record->previous};
    }
    const Result<void> followed = record ? chain.Follow(*record) : Fail(record.error());
    if (!followed) {
      const auto from_end = std::ranges::count(tail, '\n');
      return Fail(ErrorCode::kCorrupt, "{}: line {} from the end: {}", path_.string(), from_end,
                  followed.error().message);
    }
    is_first = false;
    tail.remove_prefix(length + 1);
  }
  written_ = next_ = chain;
  return {};
}

Result<void> Log::Append(const Event& event) {
  TRY(CheckEvent(event));
  std::unique_lock lock(mutex_);
  if (is_file_unknown_) {
    return Fail(ErrorCode::kFailedPrecondition, "{}: a sync of it failed; it must be opened again",
                path_.string());
  }
  if (!gathered_) gathered_ = std::make_shared<Batch>();
  const std::shared_ptr<Batch> batch = gathered_;
  batch->lines += next_.Add(event, options_.now_ms());
  batch->end = next_;
  changed_.wait(lock, [&] { return batch->is_done || !is_writing_; });
  if (!batch->is_done) WriteGathered(lock);
  if (batch->error) return Fail(*batch->error);
  return {};
}

// One thread writes what all have gathered. When that fails, so has what was gathered meanwhile, as
// it is chained to it.
void Log::WriteGathered(std::unique_lock<std::mutex>& lock) {
  const std::shared_ptr<Batch> batch = std::exchange(gathered_, nullptr);
  const std::int64_t offset = written_bytes_;
  is_writing_ = true;
  lock.unlock();
  const Outcome outcome = WriteAndSync(batch->lines, offset);
  lock.lock();
  is_writing_ = false;
  batch->is_done = true;
  batch->error = outcome.error;
  if (!outcome.error) {
    written_ = batch->end;
    written_bytes_ += static_cast<std::int64_t>(batch->lines.size());
    ++sync_count_;
  } else {
    is_file_unknown_ = outcome.is_file_unknown;
    if (gathered_) {
      gathered_->is_done = true;
      gathered_->error = outcome.error;
      gathered_ = nullptr;
    }
    next_ = written_;
  }
  changed_.notify_all();
}

Log::Outcome Log::WriteAndSync(const std::string& lines, std::int64_t offset) const {
  if (const Result<void> checked = CheckFile(offset); !checked) return {.error = checked.error()};
  if (const Result<void> put = crypto::WriteAt(file_.number(), path_, lines, offset); !put) {
    const bool is_cut = ::ftruncate(file_.number(), offset) == 0;
    return {.error = put.error(), .is_file_unknown = !is_cut};
  }
  // What was not synced may be lost though the next sync succeeds, so there is no next one.
  if (const Result<void> synced = crypto::SyncFile(file_.number(), path_); !synced) {
    return {.error = synced.error(), .is_file_unknown = true};
  }
  return {};
}

// The name still is that of the open file, and nobody else wrote to it: else what is appended
// would be lost with it.
Result<void> Log::CheckFile(std::int64_t bytes) const {
  struct stat named {
  }, open{};
  if (::stat(path_.c_str(), &named) != 0) return Fail(ErrnoError("stat " + path_.string()));
  if (::fstat(file_.number(), &open) != 0) return Fail(ErrnoError("stat " + path_.string()));
  if (named.st_dev != open.st_dev || named.st_ino != open.st_ino) {
    return Fail(ErrorCode::kNotFound, "{}: another file has its name", path_.string());
  }
  if (open.st_size != bytes) {
    return Fail(ErrorCode::kCorrupt, "{}: it has {} bytes, and was left with {}", path_.string(),
                open.st_size, bytes);
  }
  return {};
}

std::uint64_t Log::record_count() const {
  const std::lock_guard lock(mutex_);
  return written_.sequence;
}

std::uint64_t Log::sync_count() const {
  const std::lock_guard lock(mutex_);
  return sync_count_;
}

}  // namespace holdfast::audit
