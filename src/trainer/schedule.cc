#include "trainer/schedule.h"

#include <algorithm>
#include <cmath>

namespace holdfast::trainer {
namespace {

// Over the time left, of the time that the planned steps would take, while the decay runs.
constexpr double kLatenessTolerated = 1.03;

std::int64_t DecaySteps(const Schedule& s) {
  return std::llround(s.decay_fraction * static_cast<double>(s.total_steps));
}

}  // namespace

std::int64_t DecayStart(const Schedule& schedule) {
  return schedule.total_steps - DecaySteps(schedule);
}

double LearningRate(const Schedule& s, std::int64_t step) {
  double ratio = 1.0;
  const std::int64_t decay_steps = DecaySteps(s), start = DecayStart(s);
  if (step >= start && decay_steps > 0) {
    const double share = static_cast<double>(std::min(step + 1, s.total_steps) - start) /
                         static_cast<double>(decay_steps);
    ratio = 1.0 - (1.0 - s.final_ratio) * share;
  }
  if (step < s.warmup_steps) {
    ratio = std::min(ratio, static_cast<double>(step + 1) / static_cast<double>(s.warmup_steps));
  }
  return s.peak * ratio;
}

std::int64_t TotalStepsWithDecayNow(const Schedule& s, std::int64_t steps_done) {
  if (steps_done >= DecayStart(s)) return s.total_steps;
  if (s.decay_fraction >= 1.0) return s.total_steps;
  const double total = static_cast<double>(steps_done) / (1.0 - s.decay_fraction);
  return std::clamp(static_cast<std::int64_t>(std::ceil(total)), steps_done, s.total_steps);
}

std::int64_t TotalStepsForDeadline(const Schedule& s, std::int64_t steps_done, double seconds_left,
                                   double seconds_per_step) {
  if (seconds_per_step <= 0) return s.total_steps;
  const double possible = std::max(0.0, seconds_left) / seconds_per_step;
  const double planned = static_cast<double>(s.total_steps - steps_done);
  if (planned <= possible) return s.total_steps;
  const double total = static_cast<double>(steps_done) + possible;
  const bool is_decaying = steps_done >= DecayStart(s);
  // The decay need not start yet; or it runs, and the estimate is not worse than its noise.
  if (!is_decaying && static_cast<double>(steps_done) < total * (1.0 - s.decay_fraction)) {
    return s.total_steps;
  }
  if (is_decaying && planned <= possible * kLatenessTolerated) return s.total_steps;
  return std::max(steps_done, static_cast<std::int64_t>(total));
}

}  // namespace holdfast::trainer
