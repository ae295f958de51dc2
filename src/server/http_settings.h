// From the configuration's plain numbers to the limits of the HTTP server. Free functions.
#pragma once

#include "http/server.h"
#include "server/config.h"
#include "server/request_pipeline.h"

namespace holdfast::server {

http::ServerOptions MakeServerOptions(const HttpConfig& config,
                                      const net::ConnectionLimits& connections);
PipelineOptions MakePipelineOptions(const HttpConfig& config, bool is_behind_gateway);

}  // namespace holdfast::server
