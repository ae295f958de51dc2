// GET /v1/models and /v1/models/{id}: what the engines of the pool serve, as they last said it. No
// engine is asked for it.
#pragma once

#include <string_view>

#include "api/endpoint.h"
#include "upstream/pool.h"

namespace holdfast::api {

// The pool must outlive the endpoint.
Endpoint ListModelsEndpoint(const upstream::Pool& pool);
Endpoint GetModelEndpoint(const upstream::Pool& pool);

ApiError ModelNotFound(std::string_view id);

}  // namespace holdfast::api
