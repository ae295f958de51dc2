// The steps that the pipelines of gateway and engine have in common: reading what an endpoint
// takes, and the ids of requests. Free functions, on the I/O thread of the request.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/endpoint.h"
#include "api/reply.h"
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
// Within the limits of both; a file's, within its endpoint's.
net::Awaitable<api::ApiResult<std::string>> ReadBody(http::Exchange& exchange,
                                                     const http::BodyLimits& limits,
                                                     const api::Endpoint& endpoint);

// Tells the client of a failure, if that is how the request ended. Why it did, for the records;
// nullopt: it was served.
net::Awaitable<std::optional<Reason>> TellEnd(http::Exchange& exchange, api::Reply& reply,
                                              const api::ApiResult<void>& ended);

}  // namespace holdfast::server
