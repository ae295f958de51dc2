// A foreign engine's Prometheus page: what is read from it is finite and not negative, a share is
// one, and every sample lies within the page.
#include <cmath>
#include <cstdint>
#include <optional>

#include "base/check.h"
#include "fuzz/input.h"
#include "upstream/prometheus.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  const std::string_view page = fuzz::Input(data, size).rest();
  const Result<void> read = upstream::ReadMetrics(page, [&](const upstream::MetricSample& sample) {
    CHECK(!sample.name.empty());
    CHECK(sample.name.data() >= page.data());
    CHECK(sample.name.data() + sample.name.size() <= page.data() + page.size());
    CHECK(sample.labels.size() < page.size());
  });
  const Result<upstream::EngineMetrics> metrics = upstream::ReadEngineMetrics(page);
  CHECK(read.has_value() == metrics.has_value());
  if (!metrics) return 0;
  for (const std::optional<double>& value :
       {metrics->running, metrics->waiting, metrics->cache_use, metrics->tokens_total,
        metrics->tokens_per_s, metrics->sequences_max}) {
    CHECK(!value || *value >= 0);
  }
  CHECK(!metrics->cache_use || *metrics->cache_use <= 1);
  return 0;
}
