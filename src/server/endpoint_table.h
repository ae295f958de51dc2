// EndpointTable: the endpoints of one process and the way from a method and a path to one of them.
// Built at start, then immutable and thread-safe.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/endpoint.h"
#include "http/router.h"

namespace holdfast::server {

struct FoundEndpoint {
  const api::Endpoint* endpoint = nullptr;
  http::Params params;
};

class EndpointTable {
 public:
  explicit EndpointTable(std::vector<api::Endpoint> endpoints);

  std::span<const api::Endpoint> endpoints() const { return endpoints_; }
  // kNotFound; kMethodNotAllowed, with the methods that are in `allow`.
  api::ApiResult<FoundEndpoint> Find(http::Method method, std::string_view path,
                                     std::string& allow) const;

 private:
  std::vector<api::Endpoint> endpoints_;
  http::Router router_;  // Its routes are the endpoints, in their order.
};

}  // namespace holdfast::server
