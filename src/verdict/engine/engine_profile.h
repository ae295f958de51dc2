// EngineProfile: how fast an engine is, in the few numbers that its steps depend on, for simulation
// and replay. bench/engine_profile_bench.cc fits them to the real engine. Value type, pure
// functions.
#pragma once

#include <cstdint>

namespace holdfast::verdict {

// One step of one worker takes
//   step_base_s + step_per_sequence_s * sequences + step_per_context_token_s * tokens in context
//   + prefill_token_s * prompt tokens in the step
// and yields one token of each sequence that decodes. The defaults are one mid-size accelerator
// with a model of a few ten billion active weights: about 20 chat requests a second.
struct EngineProfile {
  double step_base_s = 0.012;
  double step_per_sequence_s = 60e-6;
  double step_per_context_token_s = 15e-9;
  double prefill_token_s = 20e-6;
  int sequences_max = 128;         // A worker's batch: those that prefill and those that decode.
  int prefill_chunk_tokens = 512;  // Prompt tokens in one step, at most.
  std::int64_t cache_tokens_max = 400'000;  // A worker's latent cache.
  int workers = 1;
};

double StepSeconds(const EngineProfile& profile, double sequences, double context_tokens,
                   double prefill_tokens);

// Requests a second that all workers sustain with full batches of this mean shape.
double SustainedRequestsPerSecond(const EngineProfile& profile, double prompt_tokens,
                                  double output_tokens);

}  // namespace holdfast::verdict
