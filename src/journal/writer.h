// Writer: the traffic journal where it is kept: rows go through a bounded queue to one thread that
// writes them to a ring of segments, several times a second, and has the disk keep them each
// second. So a process that is killed loses the last quarter of a second, a machine that stops the
// last second, and no request ever waits for the disk.
//
// Where rows could not be taken or written (a queue that is full, a disk that is full or broken)
// they are counted, a gap row stands in their place as soon as one can be written, and the log says
// so once. A restart is a gap, too.
//
// Thread-safe. Its owner makes it before the door and destroys it after; what was pushed by then is
// written.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/result.h"
#include "journal/row_queue.h"
#include "journal/segment_ring.h"

namespace holdfast::journal {

struct WriterOptions {
  RingOptions ring;
  std::size_t rows_max = 1 << 16;  // In the queue: 6.5 MiB, twice.
  std::chrono::milliseconds write_every{250};
  std::chrono::milliseconds sync_every{1000};
  std::function<Moment()> clock;
};

struct WriterCounters {
  std::uint64_t written = 0;  // Rows, gaps included.
  std::uint64_t lost = 0;     // Rows, by a full queue or by the disk.
  bool is_failing = false;    // The disk took nothing the last time.
};

class Writer {
 public:
  // Errors: as SegmentRing::Open.
  [[nodiscard]] static Result<std::unique_ptr<Writer>> Open(const std::filesystem::path& folder,
                                                            WriterOptions options);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Never waits for the disk.
  void Push(const Row& row) { queue_.Push(row); }
  // Until what was pushed before is on the disk, or lost. False: the time was over first.
  bool Flush(std::chrono::milliseconds time_max);

  WriterCounters counters() const;

 private:
  Writer(std::unique_ptr<SegmentRing> ring, WriterOptions options);

  void Run();
  void WriteAll();
  Result<void> Write(std::span<const EncodedRow> rows);
  Result<void> TellLoss();
  void Lose(std::span<const EncodedRow> rows, const Error& error);
  void Sync();

  const WriterOptions options_;
  RowQueue queue_;
  // Of the thread.
  std::unique_ptr<SegmentRing> ring_;
  std::vector<EncodedRow> rows_;
  Gap lost_{.cause = GapCause::kDisk};  // Not told yet; no rows: none.

  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> lost_count_{0};
  std::atomic<bool> is_failing_{false};

  std::mutex mutex_;
  std::condition_variable has_flushed_;
  std::uint64_t flushes_asked_ = 0;
  std::uint64_t flushes_done_ = 0;
  bool is_stopping_ = false;
  std::thread thread_;  // The last: it runs over all the others.
};

}  // namespace holdfast::journal
