#include "verdict/engine/engine_profile.h"

#include <algorithm>

namespace holdfast::verdict {

double StepSeconds(const EngineProfile& profile, double sequences, double context_tokens,
                   double prefill_tokens) {
  return profile.step_base_s + profile.step_per_sequence_s * sequences +
         profile.step_per_context_token_s * context_tokens +
         profile.prefill_token_s * prefill_tokens;
}

double SustainedRequestsPerSecond(const EngineProfile& profile, double prompt_tokens,
                                  double output_tokens) {
  const double cached = static_cast<double>(profile.cache_tokens_max);
  const double places =
      std::min<double>(profile.sequences_max, cached / (prompt_tokens + output_tokens));
  // Steps of one request: with its prompt alone in them, and with it in the batch.
  const double prefill_steps = prompt_tokens / profile.prefill_chunk_tokens;
  const double decode_steps = std::max(output_tokens - 1, 1e-3);
  const double context = prompt_tokens + output_tokens / 2;
  const auto rate = [&](double decoding, double prefilling_share) {
    const double step_s = StepSeconds(profile, decoding + prefilling_share, decoding * context,
                                      prefilling_share * profile.prefill_chunk_tokens);
    return profile.workers * prefilling_share / prefill_steps / step_s;
  };
  // Some prompt in every step: so many decode beside it, if there are places.
  const double decoding_max = decode_steps / prefill_steps;
  if (decoding_max <= places - 1) return rate(decoding_max, 1);
  // Else a share of the steps; prompts wait for each other as in a queue M/D/1, and hold places.
  double low = 0;
  double high = 1;
  for (int i = 0; i < 50; ++i) {
    const double share = (low + high) / 2;
    const double prefilling = share + share * share / (2 * (1 - share));
    (share * decoding_max + prefilling < places ? low : high) = share;
  }
  return rate(low * decoding_max, low);
}

}  // namespace holdfast::verdict
