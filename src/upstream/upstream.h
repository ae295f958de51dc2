// Upstream: one OpenAI-compatible engine, ours or a foreign one: how to reach it, whether it is up,
// and how busy it last said it was. Each call has a connection of its own, so an engine that died
// and came back needs no repair here. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "http/client.h"
#include "metrics/registry.h"
#include "net/endpoint.h"

namespace holdfast::upstream {

struct Limits {
  std::chrono::milliseconds connect_time_max{2'000};
  std::chrono::milliseconds health_time_max{2'000};
  std::chrono::milliseconds health_every{1'000};
};

// As the engine said in its last answer; zero before the first.
struct Load {
  std::int64_t running = 0;
  std::int64_t waiting = 0;
  std::int64_t blocks_free = 0;
  std::int64_t blocks_total = 0;
};

class Upstream {
 public:
  // The registry must outlive this.
  Upstream(const net::Endpoint& endpoint, const Limits& limits, metrics::Registry& registry);

  // Starts `call`, which the caller may close at any time. Errors as http::ClientCall::Start.
  net::Awaitable<Result<void>> Start(http::ClientCall& call, const http::ClientRequest& request,
                                     net::TimePoint head_deadline);

  // Asks for the engine's health for ever, every `health_every`. `changed` is called on the
  // coroutine's thread when the engine comes up or goes down.
  net::Awaitable<void> Watch(std::function<void(bool is_up)> changed);

  bool is_up() const { return is_up_.load(std::memory_order_relaxed); }
  Load load() const;
  const Limits& limits() const { return limits_; }

 private:
  net::Awaitable<bool> IsHealthy();
  void Learn(const http::ResponseHead& head);

  const net::Endpoint endpoint_;
  const Limits limits_;
  std::atomic<bool> is_up_{false};
  std::atomic<std::int64_t> running_{0};
  std::atomic<std::int64_t> waiting_{0};
  std::atomic<std::int64_t> blocks_free_{0};
  std::atomic<std::int64_t> blocks_total_{0};
  metrics::Gauge up_gauge_;
  metrics::Gauge running_gauge_;
  metrics::Gauge waiting_gauge_;
};

}  // namespace holdfast::upstream
