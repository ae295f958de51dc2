#include "verdict/demand.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/mix.h"

namespace holdfast::verdict {
namespace {

std::int64_t WindowOf(Time time) {
  const auto micros = time.time_since_epoch().count();
  const auto span = Demand::kWindow.count();
  return micros / span - (micros % span < 0 ? 1 : 0);
}

constexpr double kScatter = 2;  // Standard deviations.

Time StartOf(std::int64_t window) { return Time(window * Demand::kWindow); }

}  // namespace

Demand::Demand(const LogicalRequests& requests, std::span<const std::uint8_t> is_hostile,
               const Provision& provision, const AdmissionOptions& options, Time from, Time to,
               std::span<const Time> arrivals)
    : first_(WindowOf(from)) {
  CHECK(to > from && is_hostile.size() == requests.clients.size());
  windows_.resize(static_cast<std::size_t>(WindowOf(to) - first_ + 1));
  for (std::size_t i = 0; i < requests.requests.size(); ++i) {
    const LogicalRequest& request = requests.requests[i];
    const bool is_of_hostile = is_hostile[request.client] != 0;
    const Time arrival = is_of_hostile || arrivals.empty() ? request.arrival : arrivals[i];
    if (arrival == Time::max()) continue;
    Window& window = windows_[IndexOf(arrival)];
    if (is_of_hostile) {
      ++window.hostile;
      continue;
    }
    const double cost = options.weight_input * request.prompt_tokens +
                        options.weight_output * request.output_tokens;
    ++window.honest;
    window.cost += cost;
    window.square_cost += cost * cost;
  }
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    Window& window = windows_[i];
    const double all = window.honest + window.hostile;
    window.hostile_share = all > 0 ? window.hostile / all : 0;
    const Time start = StartOf(first_ + static_cast<std::int64_t>(i));
    const Duration length = std::min(start + kWindow, to) - std::max(start, from);
    window.provided = provision.At(start).cost_per_s * ToSeconds(length);
  }
  for (std::size_t i = 0; i < windows_.size() && !has_excess_; ++i) has_excess_ = IsAbove(i);
  if (!has_excess_) return;
  for (Window& window : windows_) {
    if (window.IsFull()) window.kept_share = window.provided / window.cost;
  }
}

// With its neighbours, and by more than chance: a single lively window is no growth.
bool Demand::IsAbove(std::size_t index) const {
  double cost = 0;
  double square_cost = 0;
  double provided = 0;
  const std::size_t end = std::min(index + 2, windows_.size());
  for (std::size_t i = index > 0 ? index - 1 : 0; i < end; ++i) {
    cost += windows_[i].cost;
    square_cost += windows_[i].square_cost;
    provided += windows_[i].provided;
  }
  return windows_[index].IsFull() && cost > provided + kScatter * std::sqrt(square_cost);
}

std::size_t Demand::IndexOf(Time time) const {
  const auto last = static_cast<std::int64_t>(windows_.size()) - 1;
  return static_cast<std::size_t>(std::clamp<std::int64_t>(WindowOf(time) - first_, 0, last));
}

const Demand::Window& Demand::At(Time time) const { return windows_[IndexOf(time)]; }

bool Demand::IsKept(const LogicalRequest& request, Time arrival) const {
  // People by session, so that what they do stays coherent; programs by request.
  const std::uint64_t name = request.route == Route::kChat ? request.caller : request.draw;
  const double mark = static_cast<double>(Mix64(name, 3) >> 11) * 0x1.0p-53;
  return mark < KeptShare(arrival);
}

}  // namespace holdfast::verdict
