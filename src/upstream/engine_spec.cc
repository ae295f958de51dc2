#include "upstream/engine_spec.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

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

namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

Result<Secret> ReadKeyFile(const std::filesystem::path& path) {
  constexpr std::size_t kKeyBytesMax = 4096;
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rbe"));
  if (file == nullptr) return Fail(ErrnoError("key file " + path.string()));
  // Else the library's buffer would keep the key.
  std::setvbuf(file.get(), nullptr, _IONBF, 0);
  std::string text(kKeyBytesMax + 1, '\0');
  const std::size_t count = std::fread(text.data(), 1, text.size(), file.get());
  const bool has_failed = std::ferror(file.get()) != 0;
  std::string_view key = std::string_view(text).substr(0, count);
  key = key.substr(0, std::min(key.find('\n'), key.size()));
  const std::size_t begin = std::min(key.find_first_not_of(" \t\r"), key.size());
  key.remove_prefix(begin);
  key = key.substr(0, key.find_last_not_of(" \t\r") + 1);
  const bool fits = std::ranges::all_of(key, [](char c) { return c > ' ' && c < '\x7f'; });
  Secret secret{std::string(key)};
  Secret::Wipe(text);
  if (has_failed) return Fail(ErrorCode::kIo, "key file {}: cannot be read", path.string());
  if (count > kKeyBytesMax) {
    return Fail(ErrorCode::kTooLarge, "key file {} is over the limit of {} bytes", path.string(),
                kKeyBytesMax);
  }
  if (secret.empty() || !fits) {
    return Fail(ErrorCode::kInvalidArgument,
                "key file {}: its first line is empty or has a byte that fits no header",
                path.string());
  }
  return secret;
}

}  // namespace holdfast::upstream
