#include "server/this_machine.h"

#include <array>

#include "http/host.h"

namespace holdfast::server {
namespace {

// Set by whoever passes a request on.
constexpr std::array<std::string_view, 7> kProxyHeaders = {"forwarded",
                                                           "x-forwarded-for",
                                                           "x-forwarded-host",
                                                           "x-forwarded-proto",
                                                           "x-forwarded-port",
                                                           "x-real-ip",
                                                           "via"};

bool IsLoopbackPeer(const net::Address& peer) {
  static const std::array<std::optional<net::Address>, 2> kPeers = {
      net::Address::Parse("127.0.0.1"), net::Address::Parse("::1")};
  return peer == kPeers[0] || peer == kPeers[1];
}

bool IsLocalName(std::string_view host) {
  const std::optional<http::Host> parsed = http::ParseHost(host);
  if (!parsed) return false;
  if (parsed->address) return IsLoopbackPeer(*parsed->address);
  return parsed->name == "localhost";
}

}  // namespace

std::optional<bool> IsSameOrigin(const http::RequestHead& head) {
  const std::string_view origin = head.Find("origin");
  if (origin.empty()) return std::nullopt;
  const std::size_t scheme_end = origin.find("://");
  if (scheme_end == std::string_view::npos) return false;
  return origin.substr(scheme_end + 3) == head.host;
}

bool IsThisMachine(const http::RequestHead& head, const net::Address& peer,
                   const ThisMachineRules& rules) {
  if (!rules.is_on || !IsLoopbackPeer(peer) || !IsLocalName(head.host)) return false;
  for (const std::string_view name : kProxyHeaders) {
    if (!head.Find(name).empty()) return false;
  }
  return IsSameOrigin(head).value_or(true);
}

}  // namespace holdfast::server
