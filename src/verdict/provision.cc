#include "verdict/provision.h"

#include <algorithm>

namespace holdfast::verdict {

ProvisionedLevel Provision::At(Time time) const {
  if (levels.empty()) return {.from = time};
  const auto next =
      std::upper_bound(levels.begin(), levels.end(), time,
                       [](Time at, const ProvisionedLevel& level) { return at < level.from; });
  return next == levels.begin() ? *next : *(next - 1);
}

ProvisionedLevel LearnLevel(std::span<const JournalRecord> records, Time from, Time to,
                            const AdmissionOptions& options) {
  ProvisionedLevel level{.from = from};
  if (to <= from) return level;
  double cost = 0;
  for (const JournalRecord& record : records) {
    if (record.arrival < from || record.arrival >= to) continue;
    if (record.attempt > 0 || !IsGeneration(record.route)) continue;
    cost += record.weight * (options.weight_input * record.prompt_tokens +
                             options.weight_output * record.output_tokens);
  }
  level.cost_per_s = cost / ToSeconds(to - from);
  return level;
}

}  // namespace holdfast::verdict
