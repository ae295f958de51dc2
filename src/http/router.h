// Router: from method and path to a route with its limits and its handler. Built once, then
// immutable and thread-safe.
//
// A pattern is a path; a segment written {name} takes any one non-empty segment, and {name*} at the
// end all that is left, slashes too. A pattern ending in "/*" takes every path below it. Patterns
// without variables win, then earlier ones. A path is split first and decoded then, so an escaped
// slash is part of its segment.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "http/exchange.h"
#include "http/message.h"

namespace holdfast::http {

// A request as its handler gets it.
struct RouteRequest {
  std::map<std::string, std::string, std::less<>> params;
  std::string body;
  std::string id;      // For logs and for the client, "req_...".
  std::string client;  // Who asks, as far as it is known; empty: nobody in particular.
};

using Handler = std::function<net::Awaitable<void>(Exchange&, const RouteRequest&)>;

struct Route {
  Method method = Method::kGet;
  std::string pattern;
  Handler handler;
  // Only for routes with a body.
  std::size_t body_bytes_max = 0;
  // The engine computes for it, so it needs an admission ticket.
  bool is_generation = false;
  // Only for peers on this machine.
  bool is_local_only = false;
};

class Router {
 public:
  void Add(Route route) { routes_.push_back(std::move(route)); }

  struct Found {
    const Route* route;
    RouteRequest request;
  };
  struct WrongMethod {
    std::string allow;  // For the Allow header: "GET, HEAD".
  };
  struct NoRoute {};
  // `path` is as sent. A GET route also answers HEAD.
  std::variant<Found, WrongMethod, NoRoute> Find(Method method, std::string_view path) const;

 private:
  std::vector<Route> routes_;
};

}  // namespace holdfast::http
