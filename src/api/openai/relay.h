// The public OpenAI-compatible API of the gateway: each request goes to the engine as it came, the
// answer comes back as it comes. An engine that is down, or dies in the middle, becomes an answer
// with the reason, never a silent close.
#pragma once

#include <chrono>
#include <cstddef>

#include "api/limits.h"
#include "http/router.h"
#include "upstream/upstream.h"

namespace holdfast::api {

struct RelayLimits {
  std::chrono::milliseconds answer_time_max{600'000};
  // An engine sends at least keep-alive comments; one that is silent for longer is taken for dead.
  std::chrono::milliseconds silence_max{60'000};
  std::size_t answer_bytes_max = kAnswerBytesMax;  // Of an answer that is not a stream.
};

net::Awaitable<void> Relay(upstream::Upstream& upstream, const RelayLimits& limits,
                           http::Exchange& exchange, const http::RouteRequest& request);

}  // namespace holdfast::api
