// GET /metrics: a process's counters as text, for peers on this machine.
#pragma once

#include "http/router.h"
#include "metrics/registry.h"

namespace holdfast::api {

// `registry` must outlive the route.
http::Route MetricsRoute(const metrics::Registry& registry);

}  // namespace holdfast::api
