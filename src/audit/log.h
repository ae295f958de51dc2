// Log: the audit log, a file that only grows, one record a line, each chained to the one before.
//
// An act that the log must know is appended first, and takes effect only when Append has returned
// without an error: it is written and synced then, and no crash loses it. That the act does not
// take effect after an error is the caller's duty. An act that failed after its record leaves the
// record: the log may say more than was done, never less. So may a record whose Append returned an
// error stay, when the machine stops at that moment.
//
// Appends of several threads share one sync: while one is under way, others gather, and the next
// sync is of them all. A gathering holds one line for each thread that waits. Thread-safe. One
// process at a time: the file is locked while it is open, and must not be moved or cut.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "audit/event.h"
#include "audit/record.h"
#include "base/result.h"
#include "crypto/owned_file.h"

namespace holdfast::audit {

std::int64_t SystemTime_ms();

struct LogOptions {
  std::function<std::int64_t()> now_ms = SystemTime_ms;
};

// As far back as Open verifies; the whole is Verify's.
inline constexpr std::size_t kVerifiedAtOpenBytes = std::size_t{1} << 20;

class Log {
 public:
  // The log in the file, which is made (0600) where there is none. What a crash left of a line at
  // the end is cut off. Errors: kCorrupt with the line from the end (a line before that is not
  // sound), kFailedPrecondition (another process has it open), kPermissionDenied, kIo and others of
  // the system.
  [[nodiscard]] static Result<std::unique_ptr<Log>> Open(const std::filesystem::path& path,
                                                         LogOptions options = {});

  // Errors: kInvalidArgument (CheckEvent); kDiskFull, kIo: the log is as it was, and a later Append
  // may work; kNotFound, kCorrupt: the file is not there or not as long as it was left;
  // kFailedPrecondition: a sync has failed before, so the log must be opened again.
  [[nodiscard]] Result<void> Append(const Event& event);

  std::uint64_t record_count() const;
  // Bytes of a torn line that Open cut off.
  std::size_t cut_bytes() const { return cut_bytes_; }
  std::uint64_t sync_count() const;

 private:
  // Lines that are written and synced together, and what became of them.
  struct Batch {
    std::string lines;
    Chain end;
    bool is_done = false;
    std::optional<Error> error;
  };
  struct Outcome {
    std::optional<Error> error;
    bool is_file_unknown = false;
  };

  Log(std::filesystem::path path, crypto::Descriptor file, LogOptions options)
      : path_(std::move(path)), file_(std::move(file)), options_(std::move(options)) {}

  Result<void> LoadEnd();
  Result<void> FollowTail(std::string_view tail, bool is_whole_file);
  void WriteGathered(std::unique_lock<std::mutex>& lock);
  Outcome WriteAndSync(const std::string& lines, std::int64_t offset) const;
  Result<void> CheckFile(std::int64_t bytes) const;

  const std::filesystem::path path_;
  const crypto::Descriptor file_;
  const LogOptions options_;
  std::size_t cut_bytes_ = 0;

  mutable std::mutex mutex_;  // Never held over the disk.
  std::condition_variable changed_;
  Chain written_;  // The last record on the disk.
  Chain next_;     // The last one gathered.
  std::int64_t written_bytes_ = 0;
  std::uint64_t sync_count_ = 0;
  bool is_writing_ = false;
  bool is_file_unknown_ = false;  // A sync failed.
  std::shared_ptr<Batch> gathered_;
};

struct Summary {
  std::uint64_t record_count = 0;
  std::int64_t first_ms = 0, last_ms = 0;  // Of the first and last record; 0 without any.
  // Kept elsewhere, it shows later that nothing up to it was cut off or written anew.
  std::string last_hash = Chain().hash;
  std::size_t torn_bytes = 0;  // Of a line at the end without its end: under way, or of a crash.
};

// Reads the whole log, which may be open and growing. kCorrupt names the first line that is not
// sound; kNotFound, kIo and others of the system.
[[nodiscard]] Result<Summary> Verify(const std::filesystem::path& path);

}  // namespace holdfast::audit
