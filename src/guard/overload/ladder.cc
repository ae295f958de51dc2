#include "guard/overload/ladder.h"

#include <algorithm>
#include <array>
#include <utility>

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

std::string_view RungWord(Rung rung) {
  constexpr std::array<std::string_view, kRungCount> kWords = {
      "open", "no_early_retries", "shorter_answers", "no_batch", "signed_in_only", "history_only"};
  return kWords[static_cast<std::size_t>(rung)];
}

Refusal WhyShed(Rung rung, ServiceClass service_class, bool is_early_retry) {
  const Standing standing = StandingOf(service_class);
  if (rung >= Rung::kNoEarlyRetries && is_early_retry) return Refusal::kShed;
  if (rung >= Rung::kNoBatch && IsBatch(service_class)) return Refusal::kShed;
  if (rung >= Rung::kHistoryOnly && standing != Standing::kHistory) return Refusal::kHistoryOnly;
  if (rung >= Rung::kNoAnonymous && standing == Standing::kAnonymous) return Refusal::kSignedInOnly;
  return Refusal::kNone;
}

Ladder::Rules Ladder::WithoutBatch(bool shortens) {
  Rules rules;
  const auto batch = std::ranges::find(rules.steps, Rung::kNoBatch, &Step::rung);
  CHECK(batch != rules.steps.end());
  batch->rung = Rung::kShorterAnswers;
  if (!shortens) rules.steps.erase(batch);
  return rules;
}

Ladder::Ladder(Rules rules) : rules_(std::move(rules)) {
  CHECK(rules_.up_after.count() > 0 && rules_.down_after.count() > 0);
  Step below;
  for (const Step& step : rules_.steps) {
    CHECK(step.exit < step.enter && step.rung > below.rung);
    CHECK(below.enter < step.enter && below.exit < step.exit);
    below = step;
  }
}

void Ladder::Observe(double pressure, Time now) {
  const std::vector<Step>& steps = rules_.steps;
  const bool calls_up = step_ < steps.size() && pressure >= steps[step_].enter;
  const bool calls_down = step_ > 0 && pressure <= steps[step_ - 1].exit;
  const std::size_t before = step_;
  if (HasHeld(calls_up, rules_.up_after, now, above_since_)) ++step_;
  if (HasHeld(calls_down, rules_.down_after, now, below_since_)) --step_;
  if (step_ != before) since_ = now;
}

}  // namespace holdfast::guard
