// The OpenAPI 3.1 document of a table of endpoints: paths, parameters, bodies, answers, and for
// each operation every status that it can have. Made once, at start.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/endpoint.h"

namespace holdfast::api {

// Of an operation, ascending: 200, what the pipeline makes of the row, and what the row adds.
std::vector<int> StatusesOf(const Endpoint& endpoint);

// Endpoints without an operationId (files of the page) are left out. `version` is the program's.
std::string OpenApiDocument(std::span<const Endpoint> endpoints, std::string_view version);

}  // namespace holdfast::api
