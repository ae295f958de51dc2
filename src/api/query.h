// The query of a request's target. Free function; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/api_error.h"

namespace holdfast::api {

// The first value of `key` in "key=value&...", decoded as browsers encode a form ('+' is a space).
// nullopt: it is not there. Errors: kBadRequest when it is longer than `bytes_max` or its escapes
// are broken.
ApiResult<std::optional<std::string>> QueryValue(std::string_view query, std::string_view key,
                                                 std::size_t bytes_max);

}  // namespace holdfast::api
