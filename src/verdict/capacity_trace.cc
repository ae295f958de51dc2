#include "verdict/capacity_trace.h"

#include <algorithm>

namespace holdfast::verdict {
namespace {

constexpr auto kIsBefore = [](Time time, const CapacityStep& step) { return time < step.time; };

}  // namespace

CapacityStep CapacityTrace::At(Time time) const {
  const auto next = std::upper_bound(steps.begin(), steps.end(), time, kIsBefore);
  if (next != steps.begin()) return *(next - 1);
  const int total = steps.empty() ? 1 : steps.front().workers_total;
  return {.time = time, .workers_up = total, .workers_total = total};
}

bool CapacityTrace::IsReduced(Time from, Time to) const {
  if (!At(from).IsNominal()) return true;
  return std::any_of(steps.begin(), steps.end(), [&](const CapacityStep& step) {
    return step.time >= from && step.time < to && !step.IsNominal();
  });
}

}  // namespace holdfast::verdict
