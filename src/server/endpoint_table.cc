#include "server/endpoint_table.h"

#include <utility>
#include <variant>

namespace holdfast::server {

EndpointTable::EndpointTable(std::vector<api::Endpoint> endpoints)
    : endpoints_(std::move(endpoints)) {
  for (const api::Endpoint& endpoint : endpoints_) {
    router_.Add({endpoint.method, endpoint.pattern});
  }
}

api::ApiResult<FoundEndpoint> EndpointTable::Find(http::Method method, std::string_view path,
                                                  std::string& allow) const {
  auto found = router_.Find(method, path);
  if (auto* const match = std::get_if<http::Router::Found>(&found)) {
    return FoundEndpoint{&endpoints_[match->route], std::move(match->params)};
  }
  if (auto* const wrong = std::get_if<http::Router::WrongMethod>(&found)) {
    allow = std::move(wrong->allow);
    return std::unexpected(api::ToApiError(Reason::kMethodNotAllowed));
  }
  return std::unexpected(api::ToApiError(Reason::kNotFound));
}

}  // namespace holdfast::server
