// Settlement: what is recorded of every request, once, whatever became of it: metrics and a line of
// log, with one reason. Made at start with a handle for each series, so that settling looks nothing
// up. Thread-safe.
#pragma once

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/endpoint.h"
#include "base/log.h"
#include "base/reason.h"
#include "metrics/registry.h"

namespace holdfast::server {

// How a request ended.
struct Settled {
  const api::Endpoint* endpoint = nullptr;  // Null: none was found.
  http::Method method = http::Method::kOther;
  int status = 0;  // 0: nothing was answered.
  std::optional<Reason> reason;
  std::chrono::duration<double> took{0};
  std::string_view request_id;
};

class Settlement {
 public:
  // The endpoints and the registry must outlive this.
  Settlement(std::span<const api::Endpoint> endpoints, metrics::Registry& registry);

  void Settle(const Settled& settled);
  // One that was turned away before it had a request.
  void CountRefusedConnection(Reason reason);

 private:
  struct Route {
    std::map<int, metrics::Counter> by_status;
    metrics::Counter other;
    metrics::Histogram seconds;
  };

  Route MakeRoute(std::string_view pattern, std::span<const int> statuses,
                  metrics::Registry& registry) const;

  std::map<const api::Endpoint*, Route> routes_;
  std::array<metrics::Counter, kReasonCount> by_reason_;
  // A flood is refused with one reason a thousand times a second; a few of its lines will do.
  std::vector<std::unique_ptr<log::RateLimited>> lines_;  // By reason; the last: answered.
  metrics::Gauge log_dropped_;
};

}  // namespace holdfast::server
