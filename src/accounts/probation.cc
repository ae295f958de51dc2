#include "accounts/probation.h"

#include <algorithm>

namespace holdfast::accounts {
namespace {

constexpr TimeMs kSeenAfterMs = 60'000;

}  // namespace

TimeMs ProbationEnd(const Identity& who, const RegistrationCalm& calm, TimeMs probation_ms,
                    TimeMs now) {
  const bool came_with_it =
      calm.is_restricted && who.created_at >= calm.restricted_at - kSeenAfterMs;
  if (who.probation_until == 0) return came_with_it ? now + probation_ms : 0;
  if (calm.is_restricted) return now + probation_ms;
  if (who.is_email_verified) return 0;
  const TimeMs calm_since = calm.lifted_at == 0 ? 0 : calm.lifted_at + probation_ms;
  const TimeMs end = std::max(who.probation_until, calm_since);
  return end > now ? end : 0;
}

Outcome<void> CheckProbation(const Identity& who, const RegistrationCalm& calm, TimeMs probation_ms,
                             TimeMs now) {
  const TimeMs end = ProbationEnd(who, calm, probation_ms, now);
  if (end == 0) return {};
  Refused refused;
  refused.reason = Reason::kAccountPaused;
  refused.detail =
      calm.is_restricted
          ? "This account was made while far more registered than usual, which goes on. It can ask "
            "for answers some time after that is over, or once an operator says yes."
          : "This account was made while far more registered than usual. It can ask for answers "
            "once its mail address is confirmed, an operator says yes, or some hours have passed.";
  refused.retry_after_ms = end - now;
  return std::unexpected(std::move(refused));
}

}  // namespace holdfast::accounts
