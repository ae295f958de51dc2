// Recorder: counts what happens into a SimulationResult. Owned by a simulation; single-threaded.
#pragma once

#include <cstdint>
#include <vector>

#include "drill/caller_kind.h"
#include "drill/result.h"
#include "drill/scenario.h"
#include "drill/wish.h"
#include "guard/facts.h"

namespace holdfast::drill {

class Recorder {
 public:
  explicit Recorder(const Scenario& scenario);

  // Before its first attempt.
  void OnWish(const Wish& wish, CallerKind kind);
  void OnArrival(CallerKind kind, Time now);
  void OnOutcome(const Wish& wish, CallerKind kind, const guard::OutcomeFacts& outcome);
  void OnLost(const Wish& wish, CallerKind kind);
  void OnWaited(Duration expected, Duration real, Time now);
  void OnWaitBroken(Time now);  // Was told to wait, and refused after all.
  // After its last attempt.
  void OnWishEnd(const Wish& wish, CallerKind kind, Time now);
  // `state` has what is true as a second ends; what was counted in it stays.
  void EndSecond(const SecondSample& state, Time now);

  SimulationResult Finish(std::uint64_t events);

 private:
  bool IsMeasured(Time time) const { return time >= warm_up_end_; }
  SecondSample& SecondOf(Time time);
  void BoundWhatWasPossible();

  SimulationResult result_;
  guard::ServiceLevel level_;
  Time warm_up_end_;
  Duration length_;
  std::vector<float> first_tokens_;  // Seconds, of honest answers in this second.
  std::vector<Time> wishes_;         // Of honest callers, by first attempt; if capacity_ is known.
  double capacity_per_s_ = 0;
  Duration returns_within_{0};
  double busy_sum_ = 0;
  std::uint64_t busy_seconds_ = 0;
};

}  // namespace holdfast::drill
