// TestNetwork: two network namespaces with a cable between them, for tests: this thread is in one,
// whose address is 10.99.0.1 and fd99::1, and calls itself 10.99.0.2 to 10.99.0.5 and fd99::2 in
// the other. Both go with this. Needs the right to make them (root); where it is missing, `why`
// says so.
#pragma once

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace holdfast::push_down {

class TestNetwork {
 public:
  TestNetwork() {
    home_ = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (::unshare(CLONE_NEWNET) != 0) {
      why = "this process may not make a network namespace";
      return;
    }
    std::array<int, 2> ready{};
    if (::pipe(ready.data()) != 0) return;
    holder_ = ::fork();
    if (holder_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
      const char said = ::unshare(CLONE_NEWNET) == 0 ? 'y' : 'n';
      static_cast<void>(!::write(ready[1], &said, 1));
      while (true) ::pause();
    }
    char said = 'n';
    static_cast<void>(!::read(ready[0], &said, 1));
    ::close(ready[0]);
    ::close(ready[1]);
    const std::string other = fmt::format("nsenter -t {} -n ", holder_);
    const bool is_made =
        said == 'y' && Run("ip link set lo up") &&
        Run(fmt::format("ip link add here type veth peer name there netns {}", holder_)) &&
        Run("ip addr add 10.99.0.1/24 dev here") && Run("ip addr add fd99::1/64 dev here nodad") &&
        Run("ip link set here up") && Run(other + "ip link set there up") &&
        Run(other + "ip addr add fd98::1/64 dev there nodad") &&
        Run(other + "ip route add fd99::1/128 dev there") &&
        Run("ip route add fd98::/64 dev here") && AddOthers(other);
    if (!is_made) why = "the namespaces cannot be joined (ip, nsenter)";
  }
  ~TestNetwork() {
    if (holder_ > 0) {
      ::kill(holder_, SIGKILL);
      ::waitpid(holder_, nullptr, 0);
    }
    if (home_ >= 0) {
      static_cast<void>(::setns(home_, CLONE_NEWNET));
      ::close(home_);
    }
  }
  TestNetwork(const TestNetwork&) = delete;
  TestNetwork& operator=(const TestNetwork&) = delete;

  // Whether one at `from`, of the other namespace, can connect to our port within `patience`.
  bool CanConnect(const std::string& from, int port, std::chrono::milliseconds patience) const {
    bool is_connected = false;
    // A namespace is a thread's.
    std::thread caller([&] {
      const int there =
          ::open(fmt::format("/proc/{}/ns/net", holder_).c_str(), O_RDONLY | O_CLOEXEC);
      if (::setns(there, CLONE_NEWNET) == 0) is_connected = Connect(from, port, patience);
      ::close(there);
    });
    caller.join();
    return is_connected;
  }

  std::optional<std::string> why;

 private:
  static bool Run(const std::string& command) {
    return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
  }
  static bool AddOthers(const std::string& other) {
    for (int host = 2; host <= 5; ++host) {
      if (!Run(other + fmt::format("ip addr add 10.99.0.{}/24 dev there", host))) return false;
    }
    return true;
  }

  static socklen_t Fill(const std::string& text, int port, sockaddr_storage& storage) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
    if (::inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
      v4.sin_family = AF_INET;
      v4.sin_port = htons(static_cast<std::uint16_t>(port));
      return sizeof(v4);
    }
    auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
    ::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(static_cast<std::uint16_t>(port));
    return sizeof(v6);
  }

  static bool Connect(const std::string& from, int port, std::chrono::milliseconds patience) {
    sockaddr_storage own{};
    sockaddr_storage peer{};
    const socklen_t own_size = Fill(from, 0, own);
    const socklen_t peer_size =
        Fill(own.ss_family == AF_INET ? "10.99.0.1" : "fd99::1", port, peer);
    const int fd = ::socket(own.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool is_connected = false;
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&own), own_size) == 0) {
      static_cast<void>(::connect(fd, reinterpret_cast<const sockaddr*>(&peer), peer_size));
      pollfd ready{fd, POLLOUT, 0};
      int error = -1;
      socklen_t size = sizeof(error);
      is_connected = ::poll(&ready, 1, static_cast<int>(patience.count())) == 1 &&
                     ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
    }
    ::close(fd);
    return is_connected;
  }

  int home_ = -1;
  pid_t holder_ = -1;
};

// A port of this namespace that accepts connections.
class TestListener {
 public:
  TestListener() : fd_(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    constexpr int kBacklog = 64;
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    socklen_t size = sizeof(any);
    static_cast<void>(::bind(fd_, reinterpret_cast<const sockaddr*>(&any), size));
    static_cast<void>(::listen(fd_, kBacklog));
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&any), &size);
    port_ = ntohs(any.sin6_port);
  }
  ~TestListener() { ::close(fd_); }
  TestListener(const TestListener&) = delete;
  TestListener& operator=(const TestListener&) = delete;
  int port() const { return port_; }

 private:
  int fd_;
  int port_ = 0;
};

}  // namespace holdfast::push_down
