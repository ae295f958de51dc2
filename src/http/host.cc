#include "http/host.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace holdfast::http {
namespace {

constexpr std::size_t kNameBytesMax = 255;

bool IsHex(char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; }

// reg-name of RFC 3986: unreserved, sub-delims, percent escapes.
bool IsRegisteredName(std::string_view name) {
  constexpr std::string_view kMarks = "-._~!$&'()*+,;=";
  if (name.empty() || name.size() > kNameBytesMax) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '%') {
      if (i + 2 >= name.size() || !IsHex(name[i + 1]) || !IsHex(name[i + 2])) return false;
      i += 2;
    } else if (std::isalnum(static_cast<unsigned char>(name[i])) == 0 &&
               kMarks.find(name[i]) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

// ":8080", ":" or nothing. False: malformed.
bool ReadPort(std::string_view text, std::optional<std::uint16_t>& port) {
  if (text.empty() || text == ":") return true;
  if (text.front() != ':') return false;
  text.remove_prefix(1);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return false;
  port = number;
  return true;
}

bool Matches(std::string_view name, std::string_view pattern) {
  if (pattern == "*") return true;
  if (!pattern.starts_with("*.")) return EqualsNoCase(name, pattern);
  const std::string_view ending = pattern.substr(1);
  return name.size() > ending.size() &&
         EqualsNoCase(name.substr(name.size() - ending.size()), ending);
}

}  // namespace

std::optional<Host> ParseHost(std::string_view text) {
  Host host;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos || !ReadPort(text.substr(end + 1), host.port)) {
      return std::nullopt;
    }
    host.name = LowerCase(text.substr(1, end - 1));
    host.address = net::Address::Parse(host.name);
    const bool is_v6 = host.address && host.name.find(':') != std::string::npos;
    if (!is_v6) return std::nullopt;
    return host;
  }
  const std::size_t colon = std::min(text.find(':'), text.size());
  if (!ReadPort(text.substr(colon), host.port)) return std::nullopt;
  host.name = LowerCase(text.substr(0, colon));
  if (!IsRegisteredName(host.name)) return std::nullopt;
  host.address = net::Address::Parse(host.name);
  if (host.address && host.address->is_unix()) host.address.reset();
  if (host.name.size() > 1 && host.name.ends_with('.')) host.name.pop_back();
  return host;
}

bool IsAllowedHost(const Host& host, const HostRules& rules) {
  if (host.address && (rules.allows_literals || host.address->is_loopback())) return true;
  if (host.name == "localhost") return true;
  return std::ranges::any_of(
      rules.names, [&](const std::string& pattern) { return Matches(host.name, pattern); });
}

Result<void> CheckHostPattern(std::string_view pattern) {
  if (pattern == "*") return {};
  const std::string_view name = pattern.starts_with("*.") ? pattern.substr(2) : pattern;
  const bool is_name = IsRegisteredName(name) && name.find('*') == std::string_view::npos &&
                       !name.starts_with('.') && !name.ends_with('.');
  if (!is_name) {
    return Fail(ErrorCode::kInvalidArgument,
                "'{}': a host is written chat.example, *.example or *, without a port", pattern);
  }
  return {};
}

std::expected<void, Refusal> CheckHost(const RequestHead& head, const HostRules& rules) {
  if (head.host.empty() && head.is_http_1_0) return {};
  const std::optional<Host> host = ParseHost(head.host);
  if (!host) return std::unexpected(Refusal{400, "the request's Host is malformed"});
  if (!IsAllowedHost(*host, rules)) {
    return std::unexpected(
        Refusal{421, "this service does not answer to that host", Reason::kForeignHost});
  }
  return {};
}

}  // namespace holdfast::http
