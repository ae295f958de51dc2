// RecordLog: the last `records_max` records of what was decided, in order, until a caller drains
// them (into the audit log, the page, the kernel's list). Records are numbered from 1 without gaps.
// Full: the oldest record makes room, and the gap shows in the numbers and in lost().
// Single-threaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/check.h"

namespace holdfast::guard {

// `Record` has a member `number`, an std::uint64_t.
template <typename Record>
class RecordLog {
 public:
  explicit RecordLog(std::size_t records_max) : records_(records_max) { CHECK(records_max >= 1); }

  void Add(Record record) {
    if (last_ - drained_ == records_.size()) {
      ++drained_;
      ++lost_;
    }
    record.number = ++last_;
    records_[last_ % records_.size()] = record;
  }

  // Appends what came since the last call, oldest first.
  void Drain(std::vector<Record>& out) {
    while (drained_ < last_) out.push_back(records_[++drained_ % records_.size()]);
  }

  std::uint64_t lost() const { return lost_; }
  std::size_t state_bytes() const { return records_.size() * sizeof(Record); }

 private:
  std::vector<Record> records_;  // Record n is at n modulo the size.
  std::uint64_t last_ = 0;
  std::uint64_t drained_ = 0;
  std::uint64_t lost_ = 0;
};

}  // namespace holdfast::guard
