// Ladder: how far the service has stepped down, from the demand it sees. Single-threaded.
//
// Rung r is entered when pressure (demand of first attempts over capacity) stays at or above
// enter[r] for `up_after`, and left when it stays at or below exit[r] < enter[r] for `down_after`;
// one rung at a time. What follows from the rule alone:
//  - it does not flap: a pressure that stays strictly between exit[r] and enter[r + 1] of the rung
//    it is on never moves it, so an oscillation moves it only by crossing the whole hysteresis band
//    and staying there; any up-and-down cycle takes at least up_after + down_after;
//  - it comes back by itself: at most (rungs - 1) * down_after after pressure falls for good to
//    exit[1], it is open.
// Pressure must not count what the ladder itself causes (retries of the refused): else shedding
// would feed the pressure that sheds, the loop of metastable failures (Huang et al., OSDI 2022).
// The cut-off that moves over classes of callers is DAGOR's (Zhou et al., SoCC 2018).
#pragma once

#include <array>

#include "guard/clock.h"
#include "guard/overload/service_class.h"

namespace holdfast::guard {

// Each says who may still wait. Whoever finds a free place starts on any rung, so that no rung
// leaves the engine idle.
enum class Rung : std::uint8_t {
  kOpen,            // Everybody may wait.
  kNoEarlyRetries,  // Not those who come back before they were told to.
  kNoBatch,         // Nor batch work.
  kNoAnonymous,     // Nor callers without an account.
  kHistoryOnly,     // Only people with history.
};
inline constexpr int kRungCount = static_cast<int>(Rung::kHistoryOnly) + 1;

bool MayWait(Rung rung, ServiceClass service_class, bool is_early_retry);

class Ladder {
 public:
  struct Rules {
    std::array<double, kRungCount> enter = {0.0, 1.25, 2.5, 5.0, 10.0};
    std::array<double, kRungCount> exit = {0.0, 0.9, 1.75, 3.5, 7.0};
    Duration up_after = std::chrono::seconds(1);
    Duration down_after = std::chrono::seconds(4);
  };

  explicit Ladder(const Rules& rules);

  void Observe(double pressure, Time now);
  Rung rung() const { return static_cast<Rung>(rung_); }

 private:
  const Rules rules_;
  int rung_ = 0;
  // Since when pressure has called for a move, in one direction at most.
  Time above_since_ = Time::max();
  Time below_since_ = Time::max();
};

}  // namespace holdfast::guard
