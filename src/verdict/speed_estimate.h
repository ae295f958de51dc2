// SpeedEstimate: how fast the engine was, of what it should be, from what it did while it had work:
// the time that its tokens and prompts would have taken at its nominal speed, over the time it
// took. Where it was idle nothing is known, and the speed counts as nominal. Single-threaded; O(1).
#pragma once

#include <cstdint>

#include "guard/overload/engine_report.h"
#include "verdict/capacity_trace.h"
#include "verdict/engine/engine_profile.h"
#include "verdict/words.h"

namespace holdfast::verdict {

class SpeedEstimate {
 public:
  explicit SpeedEstimate(const EngineProfile& engine) : engine_(engine) {}

  // A prompt that was read: its first token has come.
  void OnPrompt(std::uint32_t prompt_tokens) { prompt_tokens_ += prompt_tokens; }
  // With each report, by time.
  void OnReport(const guard::EngineReport& report, Time now);

  // Steps of a few seconds, each where the estimate changed by more than its noise.
  const CapacityTrace& trace() const { return trace_; }

 private:
  static constexpr Duration kWindow = std::chrono::seconds(2);
  static constexpr double kNominalFrom = 0.85;  // Above it the shape of a batch explains the rest.
  static constexpr double kChangeMin = 0.05;

  void EndWindow(Time now);

  const EngineProfile engine_;
  CapacityTrace trace_;
  CapacityStep step_{};
  Time reported_{};
  Time window_from_{};
  double prompt_tokens_ = 0;  // Since the window began, as the following.
  double busy_s_ = 0;         // Workers times seconds.
  double worked_s_ = 0;       // At nominal speed.
  bool has_changed_ = false;  // A worker went or came.
};

}  // namespace holdfast::verdict
