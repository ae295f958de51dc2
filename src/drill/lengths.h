// Draws token counts by a group's law or from its samples. Pure but for the stream.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "drill/random_stream.h"
#include "drill/scenario.h"

namespace holdfast::drill {

struct TokenCounts {
  std::uint32_t prompt = 1;
  std::uint32_t output = 1;
};

inline TokenCounts DrawTokens(const Lengths& lengths, RandomStream& random) {
  const auto cut = [](double tokens, std::uint32_t max) {
    return std::clamp(static_cast<std::uint32_t>(std::min(tokens, 1e9)), 1U, max);
  };
  if (lengths.samples != nullptr && !lengths.samples->empty()) {
    const auto count = static_cast<std::uint32_t>(lengths.samples->size());
    const TracedRequest& sample = (*lengths.samples)[random.Below(count)];
    return {cut(sample.prompt_tokens, lengths.prompt_max),
            cut(sample.output_tokens, lengths.output_max)};
  }
  const auto [first, second] = random.Normals();
  return {cut(lengths.prompt_median * std::exp(lengths.prompt_sigma * first), lengths.prompt_max),
          cut(lengths.output_median * std::exp(lengths.output_sigma * second), lengths.output_max)};
}

// Of the law, its cut counted for the mean alone; or of the samples.
inline double MeanOutputTokens(const Lengths& lengths) {
  if (lengths.samples == nullptr || lengths.samples->empty()) {
    const double sigma = lengths.output_sigma;
    return std::min<double>(lengths.output_median * std::exp(sigma * sigma / 2),
                            lengths.output_max);
  }
  double sum = 0;
  for (const TracedRequest& sample : *lengths.samples) {
    sum += std::clamp(sample.output_tokens, 1U, lengths.output_max);
  }
  return sum / static_cast<double>(lengths.samples->size());
}

}  // namespace holdfast::drill
