#include "journal/row_queue.h"

#include "base/check.h"

namespace holdfast::journal {

RowQueue::RowQueue(std::size_t rows_max) : rows_max_(rows_max) {
  CHECK(rows_max >= 2);
  rows_.reserve(rows_max);
}

void RowQueue::Push(const Row& row) {
  const EncodedRow encoded = Encode(row);
  {
    const std::lock_guard lock(mutex_);
    const bool tells_gap = dropped_.rows > 0;
    if (rows_.size() + (tells_gap ? 2 : 1) > rows_max_) {
      if (!tells_gap) dropped_.from = row.time;
      dropped_.to = row.time;
      ++dropped_.rows;
      ++dropped_count_;
      return;
    }
    if (tells_gap) {
      rows_.push_back(Encode({.time = row.time, .what = dropped_}));
      dropped_.rows = 0;
    }
    rows_.push_back(encoded);
    if (!IsUrgent()) return;
  }
  may_go_on_.notify_one();
}

void RowQueue::Take(std::vector<EncodedRow>& out) {
  out.clear();
  out.reserve(rows_max_);
  const std::lock_guard lock(mutex_);
  std::swap(rows_, out);
}

void RowQueue::Wait(std::chrono::milliseconds time_max) {
  std::unique_lock lock(mutex_);
  may_go_on_.wait_for(lock, time_max, [this] { return is_woken_ || IsUrgent(); });
  is_woken_ = false;
}

void RowQueue::Wake() {
  {
    const std::lock_guard lock(mutex_);
    is_woken_ = true;
  }
  may_go_on_.notify_one();
}

std::uint64_t RowQueue::dropped_count() const {
  const std::lock_guard lock(mutex_);
  return dropped_count_;
}

}  // namespace holdfast::journal
