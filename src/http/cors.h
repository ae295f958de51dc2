// CORS: which pages of other origins may use this service from a browser (the Fetch standard,
// section 3.3). None, unless they are configured. Pure functions; value types.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/message.h"

namespace holdfast::http {

struct CorsRules {
  // Exact, "https://app.example:8443", or "*" for all.
  std::vector<std::string> origins;
  // A page may send what the browser keeps for this service (cookies). Never with "*".
  bool allows_credentials = false;
};

// For a setting. Errors: kInvalidArgument, naming the text.
[[nodiscard]] Result<void> CheckOrigin(std::string_view origin);

// An OPTIONS by which a browser asks before the request itself.
bool IsPreflight(const RequestHead& head);

// The answer to a preflight; `methods` are those of the path, "GET, HEAD". It allows the fields
// asked for of those that clients of this API send, at most 64. Refusal 403: another origin.
std::expected<ResponseHead, Refusal> AnswerPreflight(const RequestHead& head,
                                                     const CorsRules& rules,
                                                     std::string_view methods);

// Fields of every answer that is not one to a preflight, errors too.
std::vector<Header> CorsHeaders(const RequestHead& head, const CorsRules& rules);

}  // namespace holdfast::http
