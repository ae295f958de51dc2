#include "upstream/upstream.h"

#include <charconv>
#include <utility>

#include "net/event.h"

namespace holdfast::upstream {

Upstream::Upstream(const net::Endpoint& endpoint, const Limits& limits, metrics::Registry& registry)
    : endpoint_(endpoint),
      limits_(limits),
      up_gauge_(registry.GetGauge("holdfast_upstream_up", "1 when the engine answers.")),
      running_gauge_(registry.GetGauge("holdfast_upstream_running", "Answers the engine makes.")),
      waiting_gauge_(
          registry.GetGauge("holdfast_upstream_waiting", "Requests waiting in the engine.")) {}

net::Awaitable<Result<void>> Upstream::Start(http::ClientCall& call,
                                             const http::ClientRequest& request,
                                             net::TimePoint head_deadline) {
  const Result<void> started = co_await call.Start(endpoint_, request, head_deadline);
  if (started) Learn(call.head());
  co_return started;
}

void Upstream::Learn(const http::ResponseHead& head) {
  const auto learn = [&](std::string_view name, std::atomic<std::int64_t>& target) {
    const std::string_view text = head.Find(name);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc{} && end == text.data() + text.size()) target = value;
  };
  learn("x-holdfast-running", running_);
  learn("x-holdfast-waiting", waiting_);
  learn("x-holdfast-blocks-free", blocks_free_);
  learn("x-holdfast-blocks-total", blocks_total_);
  running_gauge_.Set(static_cast<double>(running_));
  waiting_gauge_.Set(static_cast<double>(waiting_));
}

net::Awaitable<bool> Upstream::IsHealthy() {
  constexpr std::size_t kHealthBytesMax = 64 << 10;
  http::ClientCall call({.connect_time_max = limits_.connect_time_max});
  http::ClientRequest request;
  request.target = "/health";
  const net::TimePoint deadline = net::Clock::now() + limits_.health_time_max;
  const Result<void> started = co_await Start(call, request, deadline);
  if (!started || call.head().status != 200) co_return false;
  const Result<std::string> body = co_await call.ReadAll(kHealthBytesMax, deadline);
  co_return body.has_value();
}

net::Awaitable<void> Upstream::Watch(std::function<void(bool is_up)> changed) {
  net::Event never(co_await net::CurrentExecutor());
  while (true) {
    const bool is_up = co_await IsHealthy();
    up_gauge_.Set(is_up ? 1 : 0);
    if (is_up_.exchange(is_up) != is_up) changed(is_up);
    co_await never.Wait(net::Clock::now() + limits_.health_every);
  }
}

Load Upstream::load() const { return {running_, waiting_, blocks_free_, blocks_total_}; }

}  // namespace holdfast::upstream
