#include "api/query.h"

#include <algorithm>

#include "http/message.h"

namespace holdfast::api {

ApiResult<std::optional<std::string>> QueryValue(std::string_view query, std::string_view key,
                                                 std::size_t bytes_max) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) != key) continue;
    std::string value(pair.substr(std::min(equals + 1, pair.size())));
    std::ranges::replace(value, '+', ' ');
    std::optional<std::string> decoded = http::PercentDecode(value);
    if (!decoded || decoded->size() > bytes_max) {
      return FailApi(Reason::kBadRequest,
                     fmt::format("'{}' in the query is not readable, or longer than {} bytes.", key,
                                 bytes_max),
                     std::string(key));
    }
    return decoded;
  }
  return std::optional<std::string>();
}

}  // namespace holdfast::api
