// LoadBoard: where the engine thread writes its load and everybody reads it. Thread-safe; one leaf
// lock.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>

#include "base/rate_window.h"
#include "engine/engine.h"

namespace holdfast::engine {

class LoadBoard {
 public:
  using TimePoint = RateWindow::TimePoint;

  // All but the rate, which follows from `output_count` tokens since the last Post.
  void Post(const Load& load, TimePoint now, std::int64_t output_count) {
    const std::lock_guard lock(mutex_);
    load_ = load;
    output_rate_.Add(now, output_count);
  }

  Load Read(TimePoint now) const {
    const std::lock_guard lock(mutex_);
    Load load = load_;
    load.tokens_per_second = output_rate_.PerSecond(now);
    return load;
  }

 private:
  mutable std::mutex mutex_;
  Load load_;
  RateWindow output_rate_;
};

}  // namespace holdfast::engine
