// Endpoint: where to listen or to connect. Value type.
//
//   "unix:/run/holdfast/engine.sock"   a Unix socket
//   "localhost:8080" "[::1]:0"         TCP; port 0 lets the system choose
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast::net {

struct Endpoint {
  std::string path;  // Not empty: a Unix socket.
  std::string host;
  std::uint16_t port = 0;

  bool IsUnix() const { return !path.empty(); }
  std::string ToString() const;
};

// Longest path that fits sockaddr_un with its terminator.
inline constexpr std::size_t kUnixPathBytesMax = 107;

// Errors: kInvalidArgument, naming the text.
[[nodiscard]] Result<Endpoint> ParseEndpoint(std::string_view text);

}  // namespace holdfast::net
