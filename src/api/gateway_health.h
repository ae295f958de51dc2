// GET /health of the gateway: 200 while it serves, with the engine's state inside.
#pragma once

#include "http/router.h"
#include "upstream/upstream.h"

namespace holdfast::api {

// `upstream` must outlive the route.
http::Route GatewayHealthRoute(const upstream::Upstream& upstream);

}  // namespace holdfast::api
