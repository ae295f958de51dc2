// Checks that every generating endpoint of the engine makes. Free functions, thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "api/api_error.h"
#include "api/engine/engine_service.h"

namespace holdfast::api {

// 404 model_not_found for any model but ours; who names none ("") gets it, as there is one.
ApiResult<void> CheckModel(const EngineService& service, std::string_view model);

// Refuses text that cannot fit the context, before it costs a tokenizer's work.
// `param`: the field.
ApiResult<void> CheckTextBytes(const EngineService& service, std::size_t bytes,
                               std::string_view param);

// Whose cached prefixes a request may use: one client's, and within it one user's.
std::string Caller(std::string_view client, std::string_view user);

}  // namespace holdfast::api
