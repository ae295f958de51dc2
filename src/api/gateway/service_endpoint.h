// GET /api/service: how far the service has stepped down, since when, and what that means for who
// asks. Nobody is asked who they are. What it takes must outlive the endpoint.
#pragma once

#include <cstdint>
#include <functional>

#include "api/account/desk_call.h"
#include "api/endpoint.h"
#include "guard/overload/ladder.h"

namespace holdfast::api {

struct ServiceLevel {
  guard::Rung rung = guard::Rung::kOpen;
  std::int64_t since_ms = 0;  // Since 1970; 0: since the start.
  // What answers without a limit of their own are shortened to; 0: they are not.
  std::uint32_t answer_tokens_max = 0;
  GuardRegistration registration;
};

Endpoint ServiceEndpoint(std::function<ServiceLevel()> level);

}  // namespace holdfast::api
