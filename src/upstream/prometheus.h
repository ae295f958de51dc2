// What a Prometheus page (text exposition format 0.0.4) says of an engine's load. Strict: a page
// with a malformed line says nothing. Free functions, thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace holdfast::upstream {

inline constexpr std::size_t kMetricsBytesMax = 4 << 20;

struct MetricSample {
  std::string_view name;
  std::string_view labels;  // As between the braces; empty: none.
  double value = 0;         // May be NaN or infinite.
};

// Calls `sample` for each line that is one. Errors: kInvalidArgument (the number of the line),
// kTooLarge.
[[nodiscard]] Result<void> ReadMetrics(std::string_view page,
                                       const std::function<void(const MetricSample&)>& sample);

// Sums over the page's series; nullopt: the page has none of the names we know (vLLM, SGLang,
// llama-server, TGI).
struct EngineMetrics {
  std::optional<double> running = {};
  std::optional<double> waiting = {};
  std::optional<double> cache_use = {};     // Share in [0, 1]; the mean over its series.
  std::optional<double> tokens_total = {};  // Output tokens, a counter.
  std::optional<double> tokens_per_s = {};  // As the engine itself works it out.
  std::optional<double> sequences_max = {};
  bool is_of_vllm_or_sglang = false;
};

[[nodiscard]] Result<EngineMetrics> ReadEngineMetrics(std::string_view page);

}  // namespace holdfast::upstream
