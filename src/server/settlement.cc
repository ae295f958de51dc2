#include "server/settlement.h"

#include "api/openapi.h"

namespace holdfast::server {
namespace {

// Lines a second, of answers and of each reason: enough to see what happens, and at most some
// gigabytes a day whatever comes.
constexpr int kAnswerLinesMax = 100;
constexpr int kRefusalLinesMax = 10;

}  // namespace

Settlement::Settlement(std::span<const api::Endpoint> endpoints, metrics::Registry& registry) {
  constexpr std::array kOfNone = {400, 404, 405, 408, 421, 431};
  routes_[nullptr] = MakeRoute("none", kOfNone, registry);
  for (const api::Endpoint& endpoint : endpoints) {
    const std::vector<int> statuses = api::StatusesOf(endpoint);
    routes_[&endpoint] = MakeRoute(endpoint.pattern, statuses, registry);
  }
  for (int i = 0; i < kReasonCount; ++i) {
    by_reason_[i] = registry.GetCounter("holdfast_refusals_total",
                                        "Requests and connections refused or cut off, by reason.",
                                        {{"reason", std::string(Word(static_cast<Reason>(i)))}});
    lines_.push_back(std::make_unique<log::RateLimited>(kRefusalLinesMax));
  }
  lines_.push_back(std::make_unique<log::RateLimited>(kAnswerLinesMax));
  log_dropped_ = registry.GetGauge("holdfast_log_lines_dropped",
                                   "Lines of the log that were not written: no room, or a flood.");
}

Settlement::Route Settlement::MakeRoute(std::string_view pattern, std::span<const int> statuses,
                                        metrics::Registry& registry) const {
  const auto counter = [&](std::string status) {
    return registry.GetCounter("holdfast_http_requests_total", "Requests by route and status.",
                               {{"route", std::string(pattern)}, {"status", std::move(status)}});
  };
  Route route;
  for (const int status : statuses) route.by_status[status] = counter(std::to_string(status));
  route.other = counter("other");
  route.seconds = registry.GetHistogram(
      "holdfast_http_request_seconds", "From the head to the end of the answer.",
      metrics::LatencyBounds(), {{"route", std::string(pattern)}});
  return route;
}

void Settlement::CountRefusedConnection(Reason reason) {
  by_reason_[static_cast<int>(reason)].Add();
}

void Settlement::Settle(const Settled& settled) {
  Route& route = routes_.find(settled.endpoint)->second;
  const auto counter = route.by_status.find(settled.status);
  (counter != route.by_status.end() ? counter->second : route.other).Add();
  route.seconds.Observe(settled.took.count());
  if (settled.reason) by_reason_[static_cast<int>(*settled.reason)].Add();

  // The pattern, not the path: a path is the client's text.
  const std::string_view pattern =
      settled.endpoint != nullptr ? std::string_view(settled.endpoint->pattern) : "none";
  // Watchers ask every second; what they hear when all is well would bury the rest.
  const bool is_watcher = pattern == "/health" || pattern == "/metrics";
  const auto level = is_watcher && !settled.reason ? spdlog::level::debug : spdlog::level::info;
  const auto kind = settled.reason ? static_cast<std::size_t>(*settled.reason) : lines_.size() - 1;
  lines_[kind]->Write(level, "{} {} {} {:.1f} ms{}{} {}", http::MethodName(settled.method), pattern,
                      settled.status, settled.took.count() * 1e3, settled.reason ? " " : "",
                      settled.reason ? Word(*settled.reason) : std::string_view{},
                      settled.request_id);
  log_dropped_.Set(static_cast<double>(log::dropped_count() + log::held_back_count()));
}

}  // namespace holdfast::server
