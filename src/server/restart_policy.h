// RestartPolicy: when to start a dead process again. Arithmetic on a clock given in; value type.
//
// The wait begins at `min`, doubles with each death up to `max`, and begins anew after the process
// has lived for `steady`. It never gives up, except on an exit that says that the configuration is
// wrong before the process was ever steady: no restart would mend that.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

namespace holdfast::server {

inline constexpr int kExitConfigCode = 78;

class RestartPolicy {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Milliseconds = std::chrono::milliseconds;
  static constexpr Milliseconds kSteady{60'000};

  RestartPolicy(Milliseconds min, Milliseconds max) : min_(min), max_(max), next_wait_(min) {}

  void Started(TimePoint now) { started_ = now; }
  // How long to wait before the next start; nullopt: give up.
  std::optional<Milliseconds> Died(TimePoint now, int exit_code) {
    const bool is_steady = now - started_ >= kSteady;
    has_been_steady_ = has_been_steady_ || is_steady;
    if (exit_code == kExitConfigCode && !has_been_steady_) return std::nullopt;
    if (is_steady) next_wait_ = min_;
    const Milliseconds wait = next_wait_;
    next_wait_ = std::min(next_wait_ * 2, max_);
    return wait;
  }

 private:
  Milliseconds min_;
  Milliseconds max_;
  Milliseconds next_wait_;
  TimePoint started_;
  bool has_been_steady_ = false;
};

}  // namespace holdfast::server
