// Ladder: how far the service has stepped down, from the demand it sees. Single-threaded.
//
// A step is entered when pressure (demand of first attempts over capacity) stays at or above its
// `enter` for `up_after`, and left when it stays at or below its `exit` < `enter` for `down_after`;
// one step at a time. What follows from the rule alone:
//  - it does not flap: a pressure that stays strictly between the exit of the step it is on and the
//    enter of the next never moves it, so an oscillation moves it only by crossing the whole
//    hysteresis band and staying there; any up-and-down cycle takes at least up_after + down_after;
//  - it comes back by itself: at most steps * down_after after pressure falls for good to the first
//    exit, it is open.
// Pressure must not count what the ladder itself causes, in either direction. Retries of the
// refused would feed the pressure that sheds, the loop of metastable failures (Huang et al., OSDI
// 2022); answers that it shortens would take away the pressure that shortens them, and it would
// swing. The cut-off that moves over classes of callers is DAGOR's (Zhou et al., SoCC 2018).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "guard/clock.h"
#include "guard/overload/service_class.h"
#include "guard/refusal.h"

namespace holdfast::guard {

// Each takes something more. Whoever finds a free place starts on any rung, so that no rung leaves
// the engine idle.
enum class Rung : std::uint8_t {
  kOpen,            // Everybody may wait.
  kNoEarlyRetries,  // Not those who come back before they were told to.
  kShorterAnswers,  // Nor those who ask for long answers; who sets no limit gets a shorter answer.
  kNoBatch,         // Nor batch work.
  kNoAnonymous,     // Nor callers without an account, unless they are regulars.
  kHistoryOnly,     // Only people with history, and regulars.
};
inline constexpr int kRungCount = static_cast<int>(Rung::kHistoryOnly) + 1;

// "shorter_answers"; the same in header, health, journal and page.
std::string_view RungWord(Rung rung);

// Why these may not wait there; kNone: they may.
Refusal WhyShed(Rung rung, ServiceClass service_class, bool is_early_retry);

class Ladder {
 public:
  struct Step {
    Rung rung = Rung::kOpen;
    double enter = 0;
    double exit = 0;
  };
  struct Rules {
    // Upwards; a rung that has no step is not there.
    std::vector<Step> steps = {{Rung::kNoEarlyRetries, 1.25, 0.9},
                               {Rung::kNoBatch, 2.5, 1.75},
                               {Rung::kNoAnonymous, 5.0, 3.5},
                               {Rung::kHistoryOnly, 10.0, 7.0}};
    Duration up_after = std::chrono::seconds(1);
    Duration down_after = std::chrono::seconds(4);
  };
  // Where nobody can ask for batch work: answers are shortened where it would be shed. Without
  // `shortens` there is no such step.
  static Rules WithoutBatch(bool shortens);

  explicit Ladder(Rules rules);

  void Observe(double pressure, Time now);
  Rung rung() const { return step_ == 0 ? Rung::kOpen : rules_.steps[step_ - 1].rung; }
  Time since() const { return since_; }  // On this rung; Time{}: from the beginning.

 private:
  const Rules rules_;
  std::size_t step_ = 0;  // 0: on none.
  Time since_{};
  // Since when pressure has called for a move, in one direction at most.
  Time above_since_ = Time::max();
  Time below_since_ = Time::max();
};

}  // namespace holdfast::guard
