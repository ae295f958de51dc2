// From the configuration's plain numbers to the limits of the HTTP server. Free functions.
#pragma once

#include "http/server.h"
#include "server/config.h"

namespace holdfast::server {

http::ServerOptions MakeServerOptions(const HttpConfig& config,
                                      const net::ConnectionLimits& connections);
http::BodyLimits MakeBodyLimits(const HttpConfig& config);

}  // namespace holdfast::server
