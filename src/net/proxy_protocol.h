// The PROXY protocol: a header by which a load balancer says, before the first byte of a
// connection, for whom it connects. Version 1 is a line of text, version 2 is binary. The format is
// https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt.
//
// Only trusted proxies are read for it; whoever checks that is net/listener. Pure function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "net/address.h"

namespace holdfast::net {

// A longer header is malformed. Version 1 allows 107; of version 2 it leaves 484 for extensions.
inline constexpr std::size_t kProxyHeaderBytesMax = 536;

struct ProxyPrefix {
  enum class Kind : std::uint8_t {
    kAbsent,      // What is there begins no header.
    kIncomplete,  // More bytes are needed to tell, or to read it.
    kWhole,
  };
  Kind kind = Kind::kAbsent;
  std::size_t bytes = 0;          // Of the whole header.
  std::optional<Address> client;  // nullopt: the proxy speaks for itself, or does not know.
};

// Looks at the first bytes of a connection. Errors: kCorrupt.
[[nodiscard]] Result<ProxyPrefix> ReadProxyPrefix(std::string_view bytes);

}  // namespace holdfast::net
