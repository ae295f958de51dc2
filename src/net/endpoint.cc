#include "net/endpoint.h"

#include <charconv>

namespace holdfast::net {

std::string Endpoint::ToString() const {
  if (IsUnix()) return "unix:" + path;
  if (host.find(':') != std::string::npos) return fmt::format("[{}]:{}", host, port);
  return fmt::format("{}:{}", host, port);
}

Result<Endpoint> ParseEndpoint(std::string_view text) {
  constexpr std::string_view kUnixPrefix = "unix:";
  Endpoint endpoint;
  if (text.starts_with(kUnixPrefix)) {
    endpoint.path = text.substr(kUnixPrefix.size());
    if (endpoint.path.empty() || endpoint.path.size() > kUnixPathBytesMax ||
        endpoint.path.find('\0') != std::string::npos) {
      return Fail(ErrorCode::kInvalidArgument, "'{}': a Unix socket's path has 1 to {} bytes", text,
                  kUnixPathBytesMax);
    }
    return endpoint;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) {
    return Fail(ErrorCode::kInvalidArgument, "'{}' is neither HOST:PORT nor unix:PATH", text);
  }
  std::string_view host = text.substr(0, colon);
  const bool is_bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (is_bracketed) host = host.substr(1, host.size() - 2);
  if (!is_bracketed && host.find(':') != std::string_view::npos) {
    return Fail(ErrorCode::kInvalidArgument, "'{}': write an IPv6 address as [ADDRESS]:PORT", text);
  }
  const std::string_view port = text.substr(colon + 1);
  const auto [end, error] =
      std::from_chars(port.data(), port.data() + port.size(), endpoint.port, 10);
  if (error != std::errc{} || end != port.data() + port.size()) {
    return Fail(ErrorCode::kInvalidArgument, "'{}': the port must be a number in 0..65535", text);
  }
  endpoint.host = host;
  return endpoint;
}

}  // namespace holdfast::net
