// What a gateway serves beside answers and models: its health, the engines of its pool,
// the page's files, and the document of all of it. What each takes must outlive the endpoint.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api/endpoint.h"
#include "http/static_files.h"
#include "upstream/pool.h"

namespace holdfast::api {

// Of the guard, as the health says it.
struct GuardHealth {
  std::uint32_t running = 0;
  std::uint32_t waiting = 0;
  std::uint32_t rung = 0;  // Of the degradation ladder; 0: open.
  std::string_view level;  // Its word.
  double pressure = 0;     // Demand over capacity.
};

Endpoint HealthEndpoint(const upstream::Pool& pool, std::function<GuardHealth()> guard);
// For `holdfast engine status`.
Endpoint EnginesEndpoint(const upstream::Pool& pool);
// One for the page itself and one for each of its files.
std::vector<Endpoint> PageEndpoints(const http::StaticFiles& files);
// GET /openapi.json; `document` is what it answers.
Endpoint OpenApiEndpoint(const std::string& document);

}  // namespace holdfast::api
