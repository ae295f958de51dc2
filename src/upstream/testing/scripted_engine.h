// ScriptedEngine: an OpenAI-compatible engine with a real socket that behaves as badly as a test
// wants. For tests only. One thread accepts, one serves each connection; what a chat is answered is
// the script's. Health, models and metrics are fields, which may change while it runs.
#pragma once

#include <atomic>
#include <charconv>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"

namespace holdfast::upstream::testing {

struct ScriptedRequest {
  std::string head;  // Request line and headers.
  std::string path;
  std::string body;

  bool Has(std::string_view text) const { return head.find(text) != std::string::npos; }
};

// One connection, for a script.
class Wire {
 public:
  explicit Wire(int socket) : socket_(socket) {}

  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  bool SendChunk(std::string_view bytes) {
    return Send(fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes));
  }
  bool SendHead(int status, std::string_view type, std::string_view headers) {
    return Send(fmt::format("HTTP/1.1 {} X\r\nContent-Type: {}\r\n{}\r\n", status, type, headers));
  }
  bool BeginEvents() {
    return SendHead(200, "text/event-stream", "Transfer-Encoding: chunked\r\n");
  }
  bool EndEvents() { return Send("0\r\n\r\n"); }
  bool SendBody(int status, std::string_view type, std::string_view body) {
    return SendHead(status, type, fmt::format("Content-Length: {}\r\n", body.size())) && Send(body);
  }
  bool SendJson(int status, std::string_view body) {
    return SendBody(status, "application/json", body);
  }

  // Until the peer hangs up; true within the time.
  bool WaitGone(int time_max_ms = 60'000) {
    pollfd peer{.fd = socket_, .events = POLLRDHUP, .revents = 0};
    return ::poll(&peer, 1, time_max_ms) > 0;
  }
  // Ends the connection with a reset.
  void Reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  }

  // The next request; false: the peer has hung up.
  bool Read(ScriptedRequest& request) {
    while (input_.find("\r\n\r\n") == std::string::npos) {
      if (!ReadSome()) return false;
    }
    const std::size_t end = input_.find("\r\n\r\n") + 4;
    request.head = input_.substr(0, end);
    const std::size_t space = request.head.find(' ');
    request.path = request.head.substr(space + 1, request.head.find(' ', space + 1) - space - 1);
    const std::size_t at = request.head.find("Content-Length: ");
    std::size_t bytes = 0;
    if (at != std::string::npos) {
      std::from_chars(request.head.data() + at + 16, request.head.data() + request.head.size(),
                      bytes);
    }
    while (input_.size() < end + bytes) {
      if (!ReadSome()) return false;
    }
    request.body = input_.substr(end, bytes);
    input_.erase(0, end + bytes);
    return true;
  }

 private:
  bool ReadSome() {
    char bytes[4096];
    const ssize_t count = ::recv(socket_, bytes, sizeof(bytes), 0);
    if (count <= 0) return false;
    input_.append(bytes, static_cast<std::size_t>(count));
    return true;
  }

  const int socket_;
  std::string input_;
};

class ScriptedEngine {
 public:
  // What a chat is answered; false: the connection ends.
  using Script = std::function<bool(const ScriptedRequest&, Wire&)>;

  explicit ScriptedEngine(Script script, bool is_unix = false) : script_(std::move(script)) {
    if (is_unix) {
      static std::atomic<int> count{0};
      path_ = fmt::format("/tmp/holdfast-scripted-{}-{}.sock", ::getpid(), count++);
    }
    Listen(0);
  }
  ~ScriptedEngine() {
    Kill();
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  ScriptedEngine(const ScriptedEngine&) = delete;
  ScriptedEngine& operator=(const ScriptedEngine&) = delete;

  std::string url() const {
    return path_.empty() ? fmt::format("http://127.0.0.1:{}", port_) : "unix:" + path_;
  }
  std::uint16_t port() const { return port_; }

  // Nobody listens from now on, and every connection is gone.
  void Kill() {
    if (listener_ < 0) return;
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    ::close(listener_);
    listener_ = -1;
    std::list<Connection> connections;
    {
      const std::lock_guard lock(mutex_);
      connections.swap(connections_);
    }
    for (Connection& connection : connections) ::shutdown(connection.socket, SHUT_RDWR);
    for (Connection& connection : connections) connection.thread.join();
    for (Connection& connection : connections) ::close(connection.socket);
  }
  void Restart() {
    is_frozen_ = false;
    Listen(port_);
  }
  // The system still takes connections, and nobody serves them; until Kill.
  void Freeze() { is_frozen_ = true; }

  int accepted() const { return accepted_; }
  int chats() const { return chats_; }
  ScriptedRequest last_chat() const {
    const std::lock_guard lock(mutex_);
    return last_chat_;
  }

  struct Page {
    int status = 200;
    std::string body;
    std::string headers = {};
  };
  // What GET of a path answers; 404 without one.
  void SetPage(const std::string& path, Page page) {
    const std::lock_guard lock(mutex_);
    pages_[path] = std::move(page);
  }
  // As one of our engines is when it is up.
  void BeOurs(const std::vector<std::string>& models, int running) {
    SetPage("/health",
            {200, R"({"status":"ok","sequences_max":8,"tokens_per_s":100})",
             fmt::format("x-holdfast-running: {}\r\nx-holdfast-waiting: 0\r\n"
                         "x-holdfast-blocks-free: 50\r\nx-holdfast-blocks-total: 100\r\n",
                         running)});
    SetModels(models);
  }
  void SetModels(const std::vector<std::string>& models) {
    std::string data;
    for (const std::string& id : models) {
      data += fmt::format(R"({}{{"id":"{}","object":"model","created":7,"owned_by":"us"}})",
                          data.empty() ? "" : ",", id);
    }
    SetPage("/v1/models", {200, fmt::format(R"({{"object":"list","data":[{}]}})", data)});
  }

 private:
  struct Connection {
    int socket;
    std::thread thread;
  };

  void Listen(std::uint16_t port) {
    constexpr int kBacklog = 1024;
    listener_ = ::socket(path_.empty() ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(listener_ >= 0);
    if (path_.empty()) {
      const int on = 1;
      ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(port);
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
      socklen_t size = sizeof(address);
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
      port_ = ntohs(address.sin_port);
    } else {
      ::unlink(path_.c_str());
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
      CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    }
    CHECK(::listen(listener_, kBacklog) == 0);
    acceptor_ = std::thread([this] { AcceptLoop(); });
  }

  void AcceptLoop() {
    while (true) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) return;
      ++accepted_;
      const std::lock_guard lock(mutex_);
      connections_.push_back({socket, std::thread([this, socket] { Serve(socket); })});
    }
  }

  void Serve(int socket) {
    Wire wire(socket);
    ScriptedRequest request;
    while (wire.Read(request)) {
      if (is_frozen_) wire.WaitGone();
      if (!Answer(request, wire)) break;
    }
    // Closed when the engine is gone; a reset that was asked for happens now.
    ::dup2(Nowhere(), socket);
  }

  // A descriptor to put in the place of a closed socket, so that its number is not taken again.
  static int Nowhere() {
    static const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return descriptor;
  }

  bool Answer(const ScriptedRequest& request, Wire& wire) {
    if (request.head.starts_with("POST")) {
      ++chats_;
      {
        const std::lock_guard lock(mutex_);
        last_chat_ = request;
      }
      return script_(request, wire);
    }
    Page page{404, "{}"};
    {
      const std::lock_guard lock(mutex_);
      const auto found = pages_.find(request.path);
      if (found != pages_.end()) page = found->second;
    }
    return wire.SendHead(page.status, "application/json",
                         fmt::format("Content-Length: {}\r\n{}", page.body.size(), page.headers)) &&
           wire.Send(page.body);
  }

  const Script script_;
  std::string path_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  std::thread acceptor_;
  std::atomic<int> accepted_{0};
  std::atomic<int> chats_{0};
  std::atomic<bool> is_frozen_{false};
  mutable std::mutex mutex_;
  std::list<Connection> connections_;
  std::map<std::string, Page> pages_;
  ScriptedRequest last_chat_;
};

}  // namespace holdfast::upstream::testing
