#include "http/url.h"

#include <algorithm>
#include <optional>

#include "net/address.h"

namespace holdfast::http {
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

bool IsPlain(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
         (letter >= '0' && letter <= '9') ||
         std::string_view("-._~").find(letter) != std::string_view::npos;
}

}  // namespace

bool Url::IsLoopback() const {
  if (endpoint.host == "localhost") return true;
  const std::optional<net::Address> address = net::Address::Parse(endpoint.host);
  return address && address->is_loopback();
}

Result<Url> ParseUrl(std::string_view text) {
  constexpr std::string_view kHttp = "http://";
  constexpr std::string_view kHttps = "https://";
  Url url;
  url.text = text;
  url.is_https = text.starts_with(kHttps);
  const bool has_good_bytes = std::ranges::all_of(
      text, [](char c) { return c > ' ' && c < '\x7f' && c != '"' && c != '\\' && c != '#'; });
  if (text.size() > kUrlBytesMax || !has_good_bytes ||
      (!url.is_https && !text.starts_with(kHttp))) {
    return Fail(ErrorCode::kInvalidArgument, "not a URL of http or https");
  }
  text.remove_prefix(url.is_https ? kHttps.size() : kHttp.size());
  const std::string_view authority = text.substr(0, text.find_first_of("/?"));
  if (authority.empty() || authority.find_first_of("@,") != std::string_view::npos) {
    return Fail(ErrorCode::kInvalidArgument, "a URL without a host, or with a user in it");
  }
  const Result<net::Endpoint> endpoint =
      ParseAuthority(authority, url.is_https ? kHttpsPort : kHttpPort);
  if (!endpoint || endpoint->IsUnix() || endpoint->port == 0) {
    return Fail(ErrorCode::kInvalidArgument, "a URL with a host or port that is none");
  }
  url.endpoint = *endpoint;
  url.host = authority;
  text.remove_prefix(authority.size());
  url.target = text.starts_with('/') ? std::string(text) : "/" + std::string(text);
  return url;
}

std::string PercentEncode(std::string_view text) {
  std::string encoded;
  for (const char letter : text) {
    if (IsPlain(letter)) {
      encoded += letter;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(letter));
    }
  }
  return encoded;
}

std::string EncodeForm(const std::vector<std::pair<std::string_view, std::string_view>>& fields) {
  std::string form;
  for (const auto& [name, value] : fields) {
    if (!form.empty()) form += '&';
    form += PercentEncode(name) + "=" + PercentEncode(value);
  }
  return form;
}

}  // namespace holdfast::http
