#include "http/router.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace holdfast::http {
namespace {

std::string_view TakeSegment(std::string_view& path) {
  path.remove_prefix(1);
  const std::size_t slash = std::min(path.find('/'), path.size());
  const std::string_view segment = path.substr(0, slash);
  path.remove_prefix(slash);
  return segment;
}

std::optional<Params> Match(std::string_view pattern, std::string_view path) {
  constexpr std::string_view kRestEnd = "*}";
  Params params;
  while (!pattern.empty() && !path.empty()) {
    if (pattern == "/*") return params;
    const std::string_view wanted = TakeSegment(pattern);
    const bool is_rest = wanted.ends_with(kRestEnd);
    const std::string_view sent = is_rest ? std::exchange(path, {}).substr(1) : TakeSegment(path);
    std::optional<std::string> segment = PercentDecode(sent);
    if (!segment) return std::nullopt;
    if (wanted.starts_with('{')) {
      if (segment->empty()) return std::nullopt;
      const std::size_t end_bytes = is_rest ? kRestEnd.size() : 1;
      params.emplace(wanted.substr(1, wanted.size() - 1 - end_bytes), std::move(*segment));
    } else if (wanted != *segment) {
      return std::nullopt;
    }
  }
  if (!pattern.empty() || !path.empty()) return std::nullopt;
  return params;
}

bool IsFixed(const Route& route) { return route.pattern.find_first_of("{*") == std::string::npos; }

bool Serves(const Route& route, Method method) {
  return route.method == method || (route.method == Method::kGet && method == Method::kHead);
}

}  // namespace

void Router::Add(Route route) {
  if (IsFixed(route)) fixed_[route.pattern].push_back(routes_.size());
  routes_.push_back(std::move(route));
}

std::variant<Router::Found, Router::WrongMethod, Router::NoRoute> Router::Find(
    Method method, std::string_view path) const {
  if (!path.starts_with('/')) return NoRoute{};
  if (const auto fixed = fixed_.find(path); fixed != fixed_.end()) {
    for (const std::size_t index : fixed->second) {
      if (Serves(routes_[index], method)) return Found{index, {}};
    }
  }
  std::string allow;
  std::optional<Found> found;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    const Route& route = routes_[i];
    std::optional<Params> params = Match(route.pattern, path);
    if (!params) continue;
    if (!Serves(route, method)) {
      const std::string name(MethodName(route.method));
      allow += (allow.empty() ? "" : ", ") + name + (route.method == Method::kGet ? ", HEAD" : "");
      continue;
    }
    if (!found || (IsFixed(route) && !IsFixed(routes_[found->route]))) {
      found = Found{i, std::move(*params)};
    }
  }
  if (found) return std::move(*found);
  if (!allow.empty()) return WrongMethod{std::move(allow)};
  return NoRoute{};
}

}  // namespace holdfast::http
