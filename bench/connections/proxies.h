// The proxies that are compared: our gateway and nginx, each a child process in front of the
// scripted engine's socket, listening on a loopback port.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "connections/child_process.h"

namespace holdfast::bench {

struct ProxyOptions {
  std::filesystem::path folder;  // For its files.
  std::filesystem::path engine_socket;
  std::filesystem::path certificate;  // Empty: plain.
  std::filesystem::path key;
  std::size_t connections_max = 0;
  // Of the gateway only.
  std::size_t concurrency_max = 0;
  std::size_t waiting_max = 0;
  std::vector<std::string> settings;  // More of them, as SECTION.NAME=VALUE.
};

struct Proxy {
  ChildProcess process;
  int port = 0;
};

// Both return when the proxy takes connections. Errors: kUnavailable, with the end of its log.
[[nodiscard]] Result<Proxy> StartGateway(const std::filesystem::path& binary,
                                         const ProxyOptions& options);
[[nodiscard]] Result<Proxy> StartNginx(const std::filesystem::path& binary,
                                       const ProxyOptions& options);

}  // namespace holdfast::bench
