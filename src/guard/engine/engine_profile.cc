#include "guard/engine/engine_profile.h"

#include <algorithm>

namespace holdfast::guard {

double StepSeconds(const EngineProfile& profile, double sequences, double context_tokens,
                   double prefill_tokens) {
  return profile.step_base_s + profile.step_per_sequence_s * sequences +
         profile.step_per_context_token_s * context_tokens +
         profile.prefill_token_s * prefill_tokens;
}

double SustainedRequestsPerSecond(const EngineProfile& profile, double prompt_tokens,
                                  double output_tokens) {
  const double cached = static_cast<double>(profile.cache_tokens_max);
  const double sequences =
      std::min<double>(profile.sequences_max, cached / (prompt_tokens + output_tokens));
  const double prefill_max = profile.prefill_chunk_tokens;
  const double finished =
      std::min(sequences / output_tokens, prefill_max / prompt_tokens);  // A step.
  const double step_s =
      StepSeconds(profile, sequences, sequences * (prompt_tokens + output_tokens / 2),
                  finished * prompt_tokens);
  return profile.workers * finished / step_s;
}

}  // namespace holdfast::guard
