// The learning rate of a stage: warm-up, stable, linear decay. The decay is a share of the steps
// that the stage will have had, so a stage that must end early starts it early and keeps its shape.
// Free functions; thread-safe.
#pragma once

#include <cstdint>

namespace holdfast::trainer {

struct Schedule {
  double peak = 0;
  double final_ratio = 0;  // At the last step, over the peak.
  std::int64_t warmup_steps = 0;
  double decay_fraction = 0;     // Of `total_steps`.
  std::int64_t total_steps = 0;  // Lowered when the stage is to end early.
};

// Of step `step`, counted from 0.
double LearningRate(const Schedule& schedule, std::int64_t step);

// First step of the decay.
std::int64_t DecayStart(const Schedule& schedule);

// Total steps with which the decay starts right after `steps_done`.
std::int64_t TotalStepsWithDecayNow(const Schedule& schedule, std::int64_t steps_done);

// Total steps so that the stage is over when `seconds_left` have passed: unchanged until the decay
// has to start, fewer if a running decay comes too late; never more than planned.
std::int64_t TotalStepsForDeadline(const Schedule& schedule, std::int64_t steps_done,
                                   double seconds_left, double seconds_per_step);

}  // namespace holdfast::trainer
