#include "verdict/speed_estimate.h"

#include <algorithm>
#include <cmath>

namespace holdfast::verdict {
namespace {

// Tokens that a sequence holds on average: only the smallest part of a step depends on it.
constexpr double kContextTokens = 1200;
constexpr double kBusyShareMin = 0.5;  // Of a window; less says nothing.

}  // namespace

void SpeedEstimate::OnReport(const guard::EngineReport& report, Time now) {
  const double seconds = ToSeconds(now - reported_);
  reported_ = now;
  const int up = static_cast<int>(report.workers_up);
  if (up != step_.workers_up || trace_.steps.empty()) {
    step_.workers_up = up;
    step_.workers_total = static_cast<int>(report.workers_total);
    has_changed_ = true;
  }
  if (report.running > 0 && up > 0) {
    const double each = static_cast<double>(report.running) / up;
    const double step_s = StepSeconds(engine_, each, each * kContextTokens, 0);
    const double steps = report.tokens_per_s * seconds / each;  // Of all workers.
    busy_s_ += seconds * up;
    worked_s_ += steps * step_s;
  }
  if (now - window_from_ >= kWindow || has_changed_) EndWindow(now);
}

void SpeedEstimate::EndWindow(Time now) {
  const double window_s = ToSeconds(now - window_from_);
  worked_s_ += prompt_tokens_ * engine_.prefill_token_s;
  double share = 1;
  if (window_s > 0 && busy_s_ >= kBusyShareMin * window_s * std::max(step_.workers_up, 1)) {
    share = worked_s_ / busy_s_;
  }
  if (share >= kNominalFrom) share = 1;
  if (has_changed_ || std::abs(share - step_.engine_share) > kChangeMin) {
    step_.engine_share = share;
    // The window is what was measured; a worker's coming or going is known at once.
    step_.time = has_changed_ ? now : window_from_;
    trace_.steps.push_back(step_);
  }
  window_from_ = now;
  prompt_tokens_ = busy_s_ = worked_s_ = 0;
  has_changed_ = false;
}

}  // namespace holdfast::verdict
