// RowQueue: rows on their way from the door to the disk. Push takes a copy of 104 bytes under a
// lock that nobody holds for longer; a row that finds the queue full is dropped and counted, and
// once there is room a gap row says when and how many. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "journal/row.h"

namespace holdfast::journal {

class RowQueue {
 public:
  // `rows_max` >= 2.
  explicit RowQueue(std::size_t rows_max);

  void Push(const Row& row);
  // All that is there, in order; `out` gives its memory for the next.
  void Take(std::vector<EncodedRow>& out);
  // Until there is as much as half of what fits, somebody wakes it, or the time is over.
  void Wait(std::chrono::milliseconds time_max);
  void Wake();

  std::uint64_t dropped_count() const;  // So far.

 private:
  bool IsUrgent() const { return 2 * rows_.size() >= rows_max_; }

  const std::size_t rows_max_;
  mutable std::mutex mutex_;
  std::condition_variable may_go_on_;
  std::vector<EncodedRow> rows_;
  Gap dropped_{.cause = GapCause::kQueueFull};  // Not told yet; no rows: none.
  std::uint64_t dropped_count_ = 0;
  bool is_woken_ = false;
};

}  // namespace holdfast::journal
