// AnswerRequest: what a gateway reads of a request for an answer (chat or text completion) before
// an engine sees it: which model, how much work, and what belongs together. All else is for the
// engine to check. Value type.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/api_error.h"
#include "api/call.h"

namespace holdfast::api {

struct AnswerRequest {
  std::string model;  // Empty: not said.
  Work work;
  // What the API gives where no limit is set; 0: as much as there is room for.
  std::uint32_t tokens_default = 0;
  // Of the beginning of the conversation and who holds it: what an engine's prefix cache may know.
  std::uint64_t prefix_key = 0;
};

// `client`: who asks, as far as prefixes may be shared. Errors: kBadRequest, naming the field.
ApiResult<AnswerRequest> ReadAnswerRequest(std::string_view body, std::string_view client);

// The body with `model` in it, for an engine that wants one named.
std::string WithModel(std::string body, std::string_view model);

// The body, of a request that was read, with a limit for each answer.
std::string WithTokensMax(std::string_view body, std::uint32_t tokens_max);

}  // namespace holdfast::api
