#include "drill/trace_segment.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace holdfast::drill {
namespace {

constexpr double kStep = 0.05;

double CostOf(const TracedRequest& request) {
  return request.prompt_tokens + 2.0 * request.output_tokens;
}

// `count` requests from `first` on, over and over; a repetition begins a mean gap after the last.
std::vector<TracedRequest> Stretch(const std::vector<TracedRequest>& trace, std::size_t first,
                                   std::size_t count) {
  const Duration span = trace.back().at - trace.front().at;
  const Duration round = span + span / static_cast<std::int64_t>(trace.size());
  std::vector<TracedRequest> stretch;
  stretch.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    TracedRequest request = trace[(first + i) % trace.size()];
    request.at += round * static_cast<std::int64_t>((first + i) / trace.size());
    stretch.push_back(request);
  }
  return stretch;
}

struct Place {
  double time = 0;  // Each in [0, 1].
  double cost = 0;
};

std::vector<Place> PlacesOf(const std::vector<TracedRequest>& stretch) {
  double total = 0;
  for (const TracedRequest& request : stretch) total += CostOf(request);
  const auto count = static_cast<double>(stretch.size());
  const double span_s = guard::ToSeconds(stretch.back().at - stretch.front().at);
  // A mean gap is left after the last.
  const double length_s = span_s * (count / std::max(count - 1, 1.0));
  std::vector<Place> places;
  places.reserve(stretch.size());
  double before = 0;
  for (std::size_t i = 0; i < stretch.size(); ++i) {
    const double cost = CostOf(stretch[i]);
    const double offset_s = guard::ToSeconds(stretch[i].at - stretch.front().at);
    // Where all come at once there is nothing but their order.
    const double by_time = span_s > 0 ? offset_s / length_s : static_cast<double>(i) / count;
    places.push_back({by_time, (before + cost / 2) / total});
    before += cost;
  }
  return places;
}

}  // namespace

double PeakOf(const std::vector<TracedRequest>& requests, Duration length) {
  double total = 0;
  double in_window = 0;
  double most = 0;
  auto first = requests.begin();
  for (const TracedRequest& request : requests) {
    total += CostOf(request);
    in_window += CostOf(request);
    while (first->at <= request.at - kPeakWindow) in_window -= CostOf(*first++);
    most = std::max(most, in_window);
  }
  const double mean = total * guard::ToSeconds(kPeakWindow) / guard::ToSeconds(length);
  return mean > 0 ? most / mean : 0;
}

Trace CutSegment(const Trace& trace, const SegmentOptions& options) {
  const double length_s = guard::ToSeconds(options.length);
  const auto count = static_cast<std::size_t>(std::lround(options.requests_per_s * length_s));
  if (count == 0) return nullptr;
  const std::size_t spare = trace->size() > count ? trace->size() - count : 0;
  const auto first = static_cast<std::size_t>(options.begin * static_cast<double>(spare));
  std::vector<TracedRequest> stretch = Stretch(*trace, first, count);
  const std::vector<Place> places = PlacesOf(stretch);
  for (double flat = 0;; flat = std::min(flat + kStep, 1.0)) {
    for (std::size_t i = 0; i < stretch.size(); ++i) {
      const double at = (1 - flat) * places[i].time + flat * places[i].cost;
      stretch[i].at = guard::FromSeconds(at * length_s);
    }
    if (flat >= 1 || PeakOf(stretch, options.length) <= options.peak_max) break;
  }
  return std::make_shared<const std::vector<TracedRequest>>(std::move(stretch));
}

}  // namespace holdfast::drill
