// CpuQueue: cores that work off jobs first come, first served; fluid. Single-threaded; value type.
#pragma once

#include <algorithm>

#include "guard/clock.h"

namespace holdfast::drill {

class CpuQueue {
 public:
  explicit CpuQueue(double cores) : cores_(cores) {}

  // How long a job that comes now would wait.
  guard::Duration Wait(guard::Time now) const {
    return std::max(guard::Duration(0), free_at_ - now);
  }
  // Takes the job; the time until it is done.
  guard::Duration Take(double cpu_s, guard::Time now) {
    const guard::Duration wait = Wait(now);
    free_at_ = now + wait + guard::FromSeconds(cpu_s / cores_);
    return wait + guard::FromSeconds(cpu_s);
  }

 private:
  double cores_;
  guard::Time free_at_{};
};

}  // namespace holdfast::drill
