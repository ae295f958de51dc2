#include "upstream/engine_spec.h"

#include <algorithm>

#include "base/secret_file.h"

namespace holdfast::upstream {
namespace {

constexpr std::uint16_t kHttpPort = 80;
constexpr std::uint16_t kHttpsPort = 443;

// "host", "host:port", "[::1]" or "[::1]:port".
Result<net::Endpoint> ParseAuthority(std::string_view text, std::uint16_t default_port) {
  const std::size_t bracket = text.rfind(']');
  const std::size_t colon = text.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  if (has_port) return net::ParseEndpoint(text);
  return net::ParseEndpoint(fmt::format("{}:{}", text, default_port));
}

}  // namespace

Result<EngineAddress> ParseEngineUrl(std::string_view url) {
  EngineAddress address;
  if (url.starts_with("unix:")) {
    TRY_ASSIGN(address.endpoint, net::ParseEndpoint(url));
    address.host = "localhost";
    return address;
  }
  constexpr std::string_view kHttp = "http://";
  constexpr std::string_view kHttps = "https://";
  address.is_tls = url.starts_with(kHttps);
  if (!address.is_tls && !url.starts_with(kHttp)) {
    return Fail(ErrorCode::kInvalidArgument,
                "engine '{}' is none of unix:PATH, http://... and https://...", url);
  }
  std::string_view rest = url.substr(address.is_tls ? kHttps.size() : kHttp.size());
  const std::string_view authority = rest.substr(0, std::min(rest.find('/'), rest.size()));
  rest.remove_prefix(authority.size());
  // A key in the URL would end up in logs.
  if (authority.find('@') != std::string_view::npos) {
    return Fail(ErrorCode::kInvalidArgument,
                "an engine's URL has a user or password; use a key file instead");
  }
  const bool is_plain = std::ranges::all_of(url, [](char c) { return c > ' ' && c < '\x7f'; });
  if (!is_plain || rest.find_first_of("?#") != std::string_view::npos) {
    return Fail(ErrorCode::kInvalidArgument, "engine '{}': only a host and a path may be named",
                url);
  }
  TRY_ASSIGN(address.endpoint, ParseAuthority(authority, address.is_tls ? kHttpsPort : kHttpPort));
  address.host = authority;
  while (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.ends_with("/v1")) rest.remove_suffix(3);
  while (rest.ends_with('/')) rest.remove_suffix(1);
  address.base = rest;
  return address;
}

Result<Secret> ReadKeyFile(const std::filesystem::path& path) {
  TRY_ASSIGN(Secret key, ReadSecretLine(path));
  const bool fits = std::ranges::all_of(key.Reveal(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (!fits) {
    return Fail(ErrorCode::kInvalidArgument,
                "file {}: its first line has a byte that fits no header", path.string());
  }
  return key;
}

}  // namespace holdfast::upstream
