// DeafServer: for tests only: something on a port of 127.0.0.1 that takes connections and says
// nothing. Single-threaded, but for Accept.
#pragma once

#include <string>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

namespace holdfast::mail::testing {

class DeafServer {
 public:
  DeafServer() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    CHECK(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    CHECK(::listen(fd_, 8) == 0);
    CHECK(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  ~DeafServer() { Leave(); }
  DeafServer(const DeafServer&) = delete;
  DeafServer& operator=(const DeafServer&) = delete;

  // From now on nobody listens at its port.
  void Leave() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  // Waits for somebody to connect; the descriptor is the caller's.
  int Accept() const { return ::accept(fd_, nullptr, nullptr); }
  std::string Url() const { return fmt::format("smtp://127.0.0.1:{}", port_); }

 private:
  int fd_;
  int port_ = 0;
};

}  // namespace holdfast::mail::testing
