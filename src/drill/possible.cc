#include "drill/possible.h"

#include <algorithm>

#include "base/check.h"

namespace holdfast::drill {

std::uint64_t CountPossible(std::span<const guard::Time> arrivals, const PossibleOptions& options) {
  CHECK(options.capacity_per_s > 0);
  const double interval = 1 / options.capacity_per_s;
  double free = 0;  // Seconds: exact where microseconds would add up.
  std::uint64_t count = 0;
  for (const guard::Time arrival : arrivals) {
    const double at = guard::ToSeconds(arrival);
    const double start = std::max(free, at);
    if (start - at > guard::ToSeconds(options.waits_max)) continue;
    free = start + interval;
    if (start >= guard::ToSeconds(options.from) && start < guard::ToSeconds(options.to)) ++count;
  }
  return count;
}

}  // namespace holdfast::drill
