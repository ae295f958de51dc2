// Router: from method and path to the index of a route. Built once, then immutable and thread-safe.
//
// A pattern is a path; a segment written {name} takes any one non-empty segment, and {name*} at the
// end all that is left, slashes too. A pattern ending in "/*" takes every path below it. Patterns
// without variables win, then earlier ones. A path is split first and decoded then, so an escaped
// slash is part of its segment.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "http/message.h"

namespace holdfast::http {

// Variables of a pattern and what they stand for, decoded.
using Params = std::map<std::string, std::string, std::less<>>;

struct Route {
  Method method = Method::kGet;
  std::string pattern;
};

class Router {
 public:
  void Add(Route route);

  struct Found {
    std::size_t route = 0;  // In the order in which they were added.
    Params params;
  };
  struct WrongMethod {
    std::string allow;  // For the Allow header: "GET, HEAD".
  };
  struct NoRoute {};
  // `path` is as sent. A GET route also answers HEAD.
  std::variant<Found, WrongMethod, NoRoute> Find(Method method, std::string_view path) const;

 private:
  std::vector<Route> routes_;
  // By path, of those whose pattern is one: most requests are for these. In order.
  std::map<std::string, std::vector<std::size_t>, std::less<>> fixed_;
};

}  // namespace holdfast::http
