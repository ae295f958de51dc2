// The steps that the pipelines of gateway and engine have in common: reading what an endpoint
// takes, and the ids of requests. Free functions, on the I/O thread of the request.
#pragma once

#include <string>
#include <string_view>

#include "api/endpoint.h"
#include "http/exchange.h"

namespace holdfast::server {

inline constexpr std::string_view kRequestIdHeader = "x-request-id";
// From a gateway to an engine of ours: for whom it asks.
inline constexpr std::string_view kClientHeader = "x-holdfast-client";

// A new id: prefix and 128 random bits. Names, not secrets.
std::string NewRequestId();
// An id that somebody else chose: short, and safe in a header and in a log.
bool IsSafeId(std::string_view id);

// Refuses a head that promises no readable body, before the body is on the way.
api::ApiResult<void> CheckBodyHead(const http::RequestHead& head, const api::Endpoint& endpoint);
// Within the limits of both.
net::Awaitable<api::ApiResult<std::string>> ReadBody(http::Exchange& exchange,
                                                     const http::BodyLimits& limits,
                                                     const api::Endpoint& endpoint);

// Why a request that failed did: what its connection knows wins over what its call saw of it.
api::ApiError WhyEnded(http::Exchange& exchange, const api::ApiError& error);

}  // namespace holdfast::server
