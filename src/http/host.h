// Host: which names this service answers to. A page whose name is made to resolve to this machine
// is of one origin with a service here, and only the Host header tells them apart. Pure functions;
// value types.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/message.h"
#include "net/address.h"

namespace holdfast::http {

struct Host {
  std::string name;                     // Lower case, without the dot at its end.
  std::optional<net::Address> address;  // When it is a literal: "192.0.2.1", "[::1]".
  std::optional<std::uint16_t> port;
};

// RFC 9110, section 7.2: a name, an IPv4 address or an IPv6 address in brackets, and a port.
// nullopt: malformed, or empty.
std::optional<Host> ParseHost(std::string_view text);

struct HostRules {
  // "chat.example"; "*.example" is every name below; "*" is every host.
  std::vector<std::string> names;
  // Whoever reaches a service by its number was not sent there by a name that somebody else made
  // resolve to it. Set where it listens beyond the loopback.
  bool allows_literals = false;
};

// "localhost", 127.0.0.0/8 and [::1] are always allowed, with any port.
bool IsAllowedHost(const Host& host, const HostRules& rules);

// For a setting. Errors: kInvalidArgument, naming the text.
[[nodiscard]] Result<void> CheckHostPattern(std::string_view pattern);

// The one question of the pipeline. Refusals: 400, malformed; 421 with kForeignHost. HTTP/1.0 may
// come without a host.
std::expected<void, Refusal> CheckHost(const RequestHead& head, const HostRules& rules);

}  // namespace holdfast::http
