#include "upstream/prometheus.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace holdfast::upstream {
namespace {

bool IsNameByte(char c, bool is_first) {
  const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
  return is_letter || (!is_first && c >= '0' && c <= '9');
}

// Takes a name off the front; empty when there is none.
std::string_view TakeName(std::string_view& rest) {
  std::size_t bytes = 0;
  while (bytes < rest.size() && IsNameByte(rest[bytes], bytes == 0)) ++bytes;
  const std::string_view name = rest.substr(0, bytes);
  rest.remove_prefix(bytes);
  return name;
}

void SkipBlanks(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
}

bool TakeByte(std::string_view& rest, char c) {
  if (!rest.starts_with(c)) return false;
  rest.remove_prefix(1);
  return true;
}

// "...", with \\, \" and \n inside.
bool TakeQuoted(std::string_view& rest) {
  if (!TakeByte(rest, '"')) return false;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == '\\') {
      ++i;
    } else if (rest[i] == '"') {
      rest.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

// After '{', up to and with '}'.
bool TakeLabels(std::string_view& rest, std::string_view& labels) {
  const std::string_view begin = rest;
  while (true) {
    SkipBlanks(rest);
    if (rest.starts_with('}')) break;
    if (TakeName(rest).empty()) return false;
    SkipBlanks(rest);
    if (!TakeByte(rest, '=')) return false;
    SkipBlanks(rest);
    if (!TakeQuoted(rest)) return false;
    SkipBlanks(rest);
    if (!TakeByte(rest, ',') && !rest.starts_with('}')) return false;
  }
  labels = begin.substr(0, begin.size() - rest.size());
  return TakeByte(rest, '}');
}

bool TakeValue(std::string_view& rest, double& value) {
  const std::string_view text = rest.substr(0, std::min(rest.find_first_of(" \t"), rest.size()));
  rest.remove_prefix(text.size());
  if (text == "NaN") {
    value = std::numeric_limits<double>::quiet_NaN();
    return true;
  }
  if (text == "+Inf" || text == "-Inf" || text == "Inf") {
    value = std::numeric_limits<double>::infinity() * (text.starts_with('-') ? -1 : 1);
    return true;
  }
  const std::string_view digits = text.starts_with('+') ? text.substr(1) : text;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return error == std::errc{} && end == digits.data() + digits.size() && std::isfinite(value);
}

// An optional time in milliseconds, and nothing more.
bool TakeEnd(std::string_view rest) {
  SkipBlanks(rest);
  if (rest.empty()) return true;
  double ignored = 0;
  if (!TakeValue(rest, ignored)) return false;
  SkipBlanks(rest);
  return rest.empty();
}

bool ReadLine(std::string_view line, MetricSample& sample) {
  sample.name = TakeName(line);
  if (sample.name.empty()) return false;
  SkipBlanks(line);
  if (TakeByte(line, '{')) {
    if (!TakeLabels(line, sample.labels)) return false;
    SkipBlanks(line);
  }
  return TakeValue(line, sample.value) && TakeEnd(line);
}

}  // namespace

Result<void> ReadMetrics(std::string_view page,
                         const std::function<void(const MetricSample&)>& sample) {
  if (page.size() > kMetricsBytesMax) {
    return Fail(ErrorCode::kTooLarge, "a metrics page is over the limit of {} bytes",
                kMetricsBytesMax);
  }
  std::size_t number = 0;
  while (!page.empty()) {
    ++number;
    std::string_view line = page.substr(0, std::min(page.find('\n'), page.size()));
    page.remove_prefix(std::min(line.size() + 1, page.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    SkipBlanks(line);
    if (line.empty() || line.starts_with('#')) continue;
    MetricSample read;
    if (!ReadLine(line, read)) {
      return Fail(ErrorCode::kInvalidArgument, "line {} of a metrics page is malformed", number);
    }
    sample(read);
  }
  return {};
}

namespace {

struct KnownMetric {
  std::string_view name;
  std::optional<double> EngineMetrics::*field;
};

constexpr std::array kKnown = std::to_array<KnownMetric>({
    {"vllm:num_requests_running", &EngineMetrics::running},
    {"vllm:num_requests_waiting", &EngineMetrics::waiting},
    {"vllm:gpu_cache_usage_perc", &EngineMetrics::cache_use},
    {"vllm:kv_cache_usage_perc", &EngineMetrics::cache_use},
    {"vllm:generation_tokens_total", &EngineMetrics::tokens_total},
    {"sglang:num_running_reqs", &EngineMetrics::running},
    {"sglang:num_queue_reqs", &EngineMetrics::waiting},
    {"sglang:token_usage", &EngineMetrics::cache_use},
    {"sglang:gen_throughput", &EngineMetrics::tokens_per_s},
    {"sglang:max_running_requests", &EngineMetrics::sequences_max},
    {"llamacpp:requests_processing", &EngineMetrics::running},
    {"llamacpp:requests_deferred", &EngineMetrics::waiting},
    {"llamacpp:kv_cache_usage_ratio", &EngineMetrics::cache_use},
    {"llamacpp:predicted_tokens_seconds", &EngineMetrics::tokens_per_s},
    {"tgi_batch_current_size", &EngineMetrics::running},
    {"tgi_queue_size", &EngineMetrics::waiting},
});

}  // namespace

Result<EngineMetrics> ReadEngineMetrics(std::string_view page) {
  EngineMetrics metrics;
  std::size_t cache_series = 0;
  TRY(ReadMetrics(page, [&](const MetricSample& sample) {
    metrics.is_of_vllm_or_sglang |=
        sample.name.starts_with("vllm:") || sample.name.starts_with("sglang:");
    // What no engine can mean is not believed; NaN is neither.
    constexpr double kValueMax = 1e15;
    if (!(sample.value >= 0 && sample.value <= kValueMax)) return;
    for (const KnownMetric& known : kKnown) {
      if (known.name != sample.name) continue;
      std::optional<double>& field = metrics.*known.field;
      field = field.value_or(0) + sample.value;
      if (known.field == &EngineMetrics::cache_use) ++cache_series;
    }
  }));
  if (cache_series > 0) {
    const double mean = *metrics.cache_use / static_cast<double>(cache_series);
    metrics.cache_use = std::min(mean, 1.0);
  }
  return metrics;
}

}  // namespace holdfast::upstream
