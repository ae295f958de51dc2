#include "metrics/registry.h"

#include <map>
#include <mutex>
#include <set>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "base/check.h"

namespace holdfast::metrics {
namespace {

constexpr std::string_view kOverflowValue = "other";

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

// The intersection of what metric and label names may be: [a-zA-Z_][a-zA-Z0-9_]*.
bool IsName(std::string_view name) {
  if (name.empty() || !IsLetter(name[0])) return false;
  for (const char c : name) {
    if (!IsLetter(c) && !(c >= '0' && c <= '9')) return false;
  }
  return true;
}

template <typename Metric>
struct Family {
  prometheus::Family<Metric>* series = nullptr;
  std::vector<double> bounds;
  std::set<prometheus::Labels> known;
};

template <typename Metric>
using FamilyMap = std::map<std::string, Family<Metric>, std::less<>>;

}  // namespace

// Our lock guards the maps only; a scrape takes prometheus-cpp's own locks.
struct Registry::Families {
  std::size_t series_max;
  prometheus::Registry registry;
  std::mutex mutex;
  FamilyMap<prometheus::Counter> counters;
  FamilyMap<prometheus::Gauge> gauges;
  FamilyMap<prometheus::Histogram> histograms;

  explicit Families(std::size_t max) : series_max(max) {}

  // The family `name` and the label set to use in it.
  template <typename Metric, typename Build>
  std::pair<Family<Metric>*, prometheus::Labels> Place(FamilyMap<Metric>& map,
                                                       std::string_view name, const Labels& labels,
                                                       Build&& build) {
    auto place = map.find(name);
    if (place == map.end()) {
      CHECK_MSG(IsName(name), "bad metric name '{}'", name);
      const std::size_t kinds = static_cast<std::size_t>(counters.contains(name)) +
                                gauges.contains(name) + histograms.contains(name);
      CHECK_MSG(kinds == 0, "metric {} exists with another kind", name);
      place = map.emplace(std::string(name), build()).first;
    }
    Family<Metric>& family = place->second;
    prometheus::Labels set(labels.begin(), labels.end());
    if (!family.known.contains(set)) {
      for (const auto& [label, value] : set) CHECK_MSG(IsName(label), "bad label '{}'", label);
      if (family.known.size() >= series_max) {
        for (auto& [label, value] : set) value = kOverflowValue;
      } else {
        family.known.insert(set);
      }
    }
    return {&family, std::move(set)};
  }
};

void Counter::Add(double amount) {
  if (counter_ != nullptr) counter_->Increment(amount);
}

void Gauge::Set(double value) {
  if (gauge_ != nullptr) gauge_->Set(value);
}

void Gauge::Add(double amount) {
  if (gauge_ != nullptr) gauge_->Increment(amount);
}

void Histogram::Observe(double value) {
  if (histogram_ != nullptr) histogram_->Observe(value);
}

std::vector<double> ExponentialBounds(double first, double factor, std::size_t count) {
  CHECK(first > 0 && factor > 1);
  std::vector<double> bounds(count);
  for (double& bound : bounds) {
    bound = first;
    first *= factor;
  }
  return bounds;
}

std::vector<double> LatencyBounds() { return ExponentialBounds(0.001, 2, 18); }

Registry::Registry(std::size_t series_max) : families_(std::make_unique<Families>(series_max)) {}
Registry::~Registry() = default;

Counter Registry::GetCounter(std::string_view name, std::string_view help, const Labels& labels) {
  const std::lock_guard lock(families_->mutex);
  auto [family, set] = families_->Place(families_->counters, name, labels, [&] {
    return Family<prometheus::Counter>{&prometheus::BuildCounter()
                                            .Name(std::string(name))
                                            .Help(std::string(help))
                                            .Register(families_->registry),
                                       {},
                                       {}};
  });
  return Counter(family->series->Add(set));
}

Gauge Registry::GetGauge(std::string_view name, std::string_view help, const Labels& labels) {
  const std::lock_guard lock(families_->mutex);
  auto [family, set] = families_->Place(families_->gauges, name, labels, [&] {
    return Family<prometheus::Gauge>{&prometheus::BuildGauge()
                                          .Name(std::string(name))
                                          .Help(std::string(help))
                                          .Register(families_->registry),
                                     {},
                                     {}};
  });
  return Gauge(family->series->Add(set));
}

Histogram Registry::GetHistogram(std::string_view name, std::string_view help,
                                 const std::vector<double>& bounds, const Labels& labels) {
  const std::lock_guard lock(families_->mutex);
  auto [family, set] = families_->Place(families_->histograms, name, labels, [&] {
    return Family<prometheus::Histogram>{&prometheus::BuildHistogram()
                                              .Name(std::string(name))
                                              .Help(std::string(help))
                                              .Register(families_->registry),
                                         bounds,
                                         {}};
  });
  return Histogram(family->series->Add(set, family->bounds));
}

std::string Registry::ExposeText() const {
  return prometheus::TextSerializer().Serialize(families_->registry.Collect());
}

}  // namespace holdfast::metrics
