// Timeline: an incident in steps of a few seconds, and who was refused why: what the journal holds,
// with each client counted as hostile by its probability. Pure; thread-safe.
#pragma once

#include <array>
#include <vector>

#include "guard/facts.h"
#include "verdict/verdict.h"

namespace holdfast::incidents {

// Attempts a second, and the engine's speed.
struct TimelineStep {
  guard::Time time{};
  double honest = 0;
  double hostile = 0;
  double honest_lost = 0;
  double engine_share = 1;
};

struct RefusalCount {
  double honest = 0;  // Attempts.
  double hostile = 0;
};

struct Timeline {
  guard::Duration step{0};
  std::vector<TimelineStep> steps;  // At most kStepsMax.
  std::array<RefusalCount, guard::kRefusalCount> refusals{};
};

Timeline MakeTimeline(const verdict::JudgeInput& input, const verdict::JudgeOptions& options);

}  // namespace holdfast::incidents
