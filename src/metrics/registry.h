// Registry: the counters, gauges and histograms of one process and their text exposition
// (Prometheus format 0.0.4). Home of prometheus-cpp, whose headers stay behind this one.
// The registry is made in main and passed down; it must outlive every handle taken from it.
// Thread-safe. Handles are small values; using one costs an atomic add (a histogram: a short lock).
//
// Names and label names are ours, so a malformed one fails a CHECK. Label values may come from
// data: a family keeps at most `series_max` label sets, further ones count as value "other".
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace holdfast::metrics {

// A default-constructed handle of each kind records nothing.
class Counter {
 public:
  Counter() = default;
  void Add(double amount = 1);  // `amount` >= 0.

 private:
  friend class Registry;
  explicit Counter(prometheus::Counter& counter) : counter_(&counter) {}
  prometheus::Counter* counter_ = nullptr;
};

class Gauge {
 public:
  Gauge() = default;
  void Set(double value);
  void Add(double amount);

 private:
  friend class Registry;
  explicit Gauge(prometheus::Gauge& gauge) : gauge_(&gauge) {}
  prometheus::Gauge* gauge_ = nullptr;
};

class Histogram {
 public:
  Histogram() = default;
  void Observe(double value);

 private:
  friend class Registry;
  explicit Histogram(prometheus::Histogram& histogram) : histogram_(&histogram) {}
  prometheus::Histogram* histogram_ = nullptr;
};

using Labels = std::vector<std::pair<std::string, std::string>>;

// Upper bounds of buckets, rising: `first`, then each `factor` times the one before.
std::vector<double> ExponentialBounds(double first, double factor, std::size_t count);
// For waits in seconds: 1 ms to about 2 minutes, doubling.
std::vector<double> LatencyBounds();

class Registry {
 public:
  explicit Registry(std::size_t series_max = 1000);
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // The series of `name` and `labels`; the same one whenever asked again. `help` and `bounds`
  // count at the first mention of `name`, which then keeps its kind.
  Counter GetCounter(std::string_view name, std::string_view help, const Labels& labels = {});
  Gauge GetGauge(std::string_view name, std::string_view help, const Labels& labels = {});
  Histogram GetHistogram(std::string_view name, std::string_view help,
                         const std::vector<double>& bounds, const Labels& labels = {});

  // Everything as text, for GET /metrics.
  std::string ExposeText() const;

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

// Content-Type of ExposeText().
inline constexpr std::string_view kTextContentType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace holdfast::metrics
