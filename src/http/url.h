// Url: an absolute http or https URL taken apart, and texts made ready to go into one. Value type
// and free functions; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "net/endpoint.h"

namespace holdfast::http {

struct Url {
  std::string text;  // As it was given.
  bool is_https = false;
  net::Endpoint endpoint;
  std::string host;    // For the Host header: with the port where one was given.
  std::string target;  // Path and query; begins with '/'.

  // The host is localhost or a loopback address, by its own words.
  bool IsLoopback() const;
};

inline constexpr std::size_t kUrlBytesMax = 2048;

// Errors: kInvalidArgument: not http or https, a user or password in it, a fragment, a byte that no
// URL has, or too long. The message does not repeat it.
[[nodiscard]] Result<Url> ParseUrl(std::string_view text);

// Every byte but letters, digits and "-._~" as %XX.
std::string PercentEncode(std::string_view text);
// "a=1&b=x%20y": for a query or a form's body.
std::string EncodeForm(const std::vector<std::pair<std::string_view, std::string_view>>& fields);

}  // namespace holdfast::http
