#include "guard/overload/ladder.h"

#include "base/check.h"

namespace holdfast::guard {
namespace {

// True once `is_calling` has held for `after`; then the next move needs as long again.
bool HasHeld(bool is_calling, Duration after, Time now, Time& since) {
  if (!is_calling) {
    since = Time::max();
    return false;
  }
  if (since == Time::max()) since = now;
  if (now - since < after) return false;
  since = now;
  return true;
}

}  // namespace

bool MayWait(Rung rung, ServiceClass service_class, bool is_early_retry) {
  if (rung >= Rung::kNoEarlyRetries && is_early_retry) return false;
  if (rung >= Rung::kNoBatch && IsBatch(service_class)) return false;
  if (rung >= Rung::kNoAnonymous && StandingOf(service_class) == Standing::kAnonymous) return false;
  if (rung >= Rung::kHistoryOnly && StandingOf(service_class) != Standing::kHistory) return false;
  return true;
}

Ladder::Ladder(const Rules& rules) : rules_(rules) {
  CHECK(rules.up_after.count() > 0 && rules.down_after.count() > 0);
  for (int i = 1; i < kRungCount; ++i) {
    CHECK(rules.exit[i] < rules.enter[i]);
    CHECK(rules.enter[i - 1] < rules.enter[i] && rules.exit[i - 1] < rules.exit[i]);
  }
}

void Ladder::Observe(double pressure, Time now) {
  const bool calls_up = rung_ + 1 < kRungCount && pressure >= rules_.enter[rung_ + 1];
  const bool calls_down = rung_ > 0 && pressure <= rules_.exit[rung_];
  if (HasHeld(calls_up, rules_.up_after, now, above_since_)) ++rung_;
  if (HasHeld(calls_down, rules_.down_after, now, below_since_)) --rung_;
}

}  // namespace holdfast::guard
