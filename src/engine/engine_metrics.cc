#include "engine/engine_metrics.h"

#include <string>

namespace holdfast::engine {

EngineMetrics::EngineMetrics(metrics::Registry* registry) {
  if (registry == nullptr) return;
  running = registry->GetGauge("holdfast_engine_running", "Sequences in the batch.");
  waiting = registry->GetGauge("holdfast_engine_waiting", "Sequences waiting for the batch.");
  blocks_free = registry->GetGauge("holdfast_engine_blocks_free",
                                   "Blocks of the latent cache that a sequence could have.");
  blocks_total = registry->GetGauge("holdfast_engine_blocks_total", "Blocks of the latent cache.");
  prompt_tokens = registry->GetCounter("holdfast_engine_prompt_tokens_total",
                                       "Prompt tokens of admitted requests.");
  cached_tokens = registry->GetCounter("holdfast_engine_cached_tokens_total",
                                       "Prompt tokens found in the prefix cache.");
  output_tokens =
      registry->GetCounter("holdfast_engine_output_tokens_total", "Tokens that were sampled.");
  preemptions =
      registry->GetCounter("holdfast_engine_preemptions_total",
                           "Times a sequence gave back its blocks and had to be computed again.");
  steps = registry->GetCounter("holdfast_engine_steps_total", "Forward passes.");
  step_tokens = registry->GetCounter("holdfast_engine_step_tokens_total",
                                     "Positions computed, recomputed ones included.");
  queue_full = registry->GetCounter("holdfast_engine_queue_full_total",
                                    "Requests refused because the queue was full.");
  for (const FinishReason reason : kFinishReasons) {
    finished[static_cast<std::size_t>(reason)] =
        registry->GetCounter("holdfast_engine_finished_total", "Ended requests, by reason.",
                             {{"reason", std::string(FinishReasonName(reason))}});
  }
  const std::vector<double> bounds = metrics::LatencyBounds();
  queue_wait_seconds = registry->GetHistogram("holdfast_engine_queue_wait_seconds",
                                              "From submission to admission.", bounds);
  first_token_seconds = registry->GetHistogram("holdfast_engine_time_to_first_token_seconds",
                                               "From submission to the first token.", bounds);
  step_seconds =
      registry->GetHistogram("holdfast_engine_step_seconds",
                             "One step up to its tokens: schedule, forward, sample.", bounds);
}

}  // namespace holdfast::engine
