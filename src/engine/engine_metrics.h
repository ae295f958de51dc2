// EngineMetrics: the engine's counters, gauges and histograms, all named here. Handles only, so
// thread-safe; without a registry they record nothing.
#pragma once

#include <array>

#include "engine/engine.h"
#include "metrics/registry.h"

namespace holdfast::engine {

inline constexpr std::array kFinishReasons = {FinishReason::kStop,       FinishReason::kLength,
                                              FinishReason::kCancelled,  FinishReason::kDeadline,
                                              FinishReason::kSlowReader, FinishReason::kError};

struct EngineMetrics {
  explicit EngineMetrics(metrics::Registry* registry);

  void CountFinish(FinishReason reason) { finished[static_cast<std::size_t>(reason)].Add(); }

  metrics::Gauge running;
  metrics::Gauge waiting;
  metrics::Gauge blocks_free;
  metrics::Gauge blocks_total;
  metrics::Counter prompt_tokens;
  metrics::Counter cached_tokens;
  metrics::Counter output_tokens;
  metrics::Counter preemptions;
  metrics::Counter steps;
  metrics::Counter step_tokens;
  metrics::Counter queue_full;
  std::array<metrics::Counter, kFinishReasons.size()> finished;
  metrics::Histogram queue_wait_seconds;
  metrics::Histogram first_token_seconds;
  metrics::Histogram step_seconds;
};

}  // namespace holdfast::engine
