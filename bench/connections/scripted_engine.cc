#include "connections/scripted_engine.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"

namespace holdfast::bench {
namespace {

constexpr std::size_t kRequestBytesMax = 64 << 10;
constexpr int kBacklog = 4096;
// What the wheels turn by. A tick that comes later than this many is left out.
constexpr std::int64_t kTickNs = 1'000'000;
constexpr std::int64_t kTicksLateMax = 1'000;

using Board = ScriptedEngine::Board;

std::string WholeAnswer(std::string_view body) {
  return fmt::format(
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
      body.size(), body);
}

// One chunk with one event.
std::string Chunk(std::string_view event) {
  return fmt::format("{:x}\r\n{}\n\n\r\n", event.size() + 2, event);
}

std::string TokenChunk(std::int64_t time_ns) {
  return Chunk(
      fmt::format("data: {{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\","
                  "\"created\":1700000000,\"model\":\"bench\",\"choices\":[{{\"index\":0,"
                  "\"delta\":{{\"content\":\"{} \"}},\"finish_reason\":null}}]}}",
                  time_ns));
}

// Connections by when they are due: one slot a tick, round and round.
class Wheel {
 public:
  struct Entry {
    int fd;
    std::uint32_t generation;
  };
  explicit Wheel(std::chrono::milliseconds round)
      : slots_(static_cast<std::size_t>(round.count())) {}

  // Spread evenly.
  void Add(const Entry& entry) {
    constexpr std::size_t kStride = 37;
    next_ = (next_ + kStride) % slots_.size();
    slots_[next_].push_back(entry);
  }
  std::vector<Entry>& Due(std::int64_t tick) {
    return slots_[static_cast<std::size_t>(tick) % slots_.size()];
  }

 private:
  std::vector<std::vector<Entry>> slots_;
  std::size_t next_ = 0;
};

class Loop {
 public:
  Loop(const ScriptedEngineOptions& options, Board& board, std::array<int, 2> listeners)
      : options_(options), board_(board), listeners_(listeners), epoll_(::epoll_create1(0)) {
    CHECK(epoll_ >= 0);
    for (const int listener : listeners_) Watch(listener);
  }

  [[noreturn]] void Run() {
    std::array<epoll_event, 256> events{};
    std::int64_t tick = NowNs() / kTickNs;
    while (true) {
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 1);
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        fd == listeners_[0] || fd == listeners_[1] ? Accept(fd) : Read(fd);
      }
      const std::int64_t now = NowNs() / kTickNs;
      tick = std::max(tick, now - kTicksLateMax);
      for (; tick < now; ++tick) Turn(tick);
    }
  }

 private:
  struct Connection {
    bool is_open = false;
    std::uint32_t generation = 0;
    std::string request;
  };

  void Watch(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    CHECK(::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0);
  }

  void Accept(int listener) {
    while (true) {
      const int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      if (open_ >= options_.connections_max) {
        ::close(fd);
        continue;
      }
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      const auto index = static_cast<std::size_t>(fd);
      if (index >= connections_.size()) connections_.resize(index + 1);
      connections_[index] = {true, connections_[index].generation + 1, {}};
      ++open_;
      Watch(fd);
    }
  }

  Connection& At(int fd) { return connections_[static_cast<std::size_t>(fd)]; }

  void Close(int fd) {
    if (!std::exchange(At(fd).is_open, false)) return;
    At(fd).request = {};
    --open_;
    ::close(fd);
  }

  void Read(int fd) {
    std::array<char, 16 << 10> bytes;
    const ssize_t count = ::recv(fd, bytes.data(), bytes.size(), 0);
    if (count < 0 && errno == EAGAIN) return;
    Connection& connection = At(fd);
    if (count <= 0 || connection.request.size() > kRequestBytesMax) return Close(fd);
    connection.request.append(bytes.data(), static_cast<std::size_t>(count));
    const std::size_t head_end = connection.request.find("\r\n\r\n");
    if (head_end == std::string::npos) return;
    std::string head = connection.request.substr(0, head_end);
    std::ranges::transform(head, head.begin(), [](unsigned char c) { return std::tolower(c); });
    constexpr std::string_view kLength = "\r\ncontent-length:";
    const std::size_t length_at = head.find(kLength);
    std::size_t body_bytes = 0;
    if (length_at != std::string::npos) {
      body_bytes = std::strtoul(head.c_str() + length_at + kLength.size(), nullptr, 10);
    }
    if (connection.request.size() < head_end + 4 + body_bytes) return;
    Answer(fd, std::exchange(connection.request, {}));
    if (head.find("connection: close") != std::string::npos && !head.starts_with("post")) Close(fd);
  }

  bool Send(int fd, std::string_view bytes) {
    const ssize_t count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return count == static_cast<ssize_t>(bytes.size());
  }

  void Answer(int fd, const std::string& request) {
    if (request.starts_with("GET /health")) {
      Send(fd, WholeAnswer(fmt::format(
                   "{{\"status\":\"ok\",\"running\":{},\"waiting\":0,\"sequences_max\":{}}}",
                   std::min(open_, options_.sequences_max), options_.sequences_max)));
    } else if (request.starts_with("GET /v1/models")) {
      Send(fd, WholeAnswer(R"({"object":"list","data":[{"id":"bench","object":"model",)"
                           R"("created":1700000000,"owned_by":"bench"}]})"));
    } else if (request.starts_with("POST /v1/chat/completions")) {
      const Wheel::Entry entry{fd, At(fd).generation};
      const bool is_stream = request.find("\"stream\"}") != std::string::npos;
      // Its first token at once: until then a gateway counts it as a prompt being worked on.
      Send(fd,
           "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
           "Transfer-Encoding: chunked\r\n\r\n" +
               (is_stream ? TokenChunk(NowNs()) : Chunk(": keep-alive")));
      comments_.Add(entry);
      if (is_stream) tokens_.Add(entry);
    } else {
      Send(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    }
  }

  bool IsOpen(const Wheel::Entry& entry) {
    return At(entry.fd).is_open && At(entry.fd).generation == entry.generation;
  }

  void Turn(std::int64_t tick) {
    std::vector<Wheel::Entry>& commented = comments_.Due(tick);
    std::erase_if(commented, [&](const Wheel::Entry& entry) { return !IsOpen(entry); });
    for (const Wheel::Entry& entry : commented) Send(entry.fd, Chunk(": keep-alive"));
    if (!board_.is_flowing) return;
    std::vector<Wheel::Entry>& flowing = tokens_.Due(tick);
    std::erase_if(flowing, [&](const Wheel::Entry& entry) { return !IsOpen(entry); });
    for (const Wheel::Entry& entry : flowing) {
      if (!Send(entry.fd, TokenChunk(NowNs()))) ++board_.tokens_left_out;
    }
  }

  const ScriptedEngineOptions& options_;
  Board& board_;
  const std::array<int, 2> listeners_;
  const int epoll_;
  std::vector<Connection> connections_;  // By descriptor.
  std::size_t open_ = 0;
  Wheel tokens_{ScriptedEngine::kTokenEvery};
  Wheel comments_{ScriptedEngine::kCommentEvery};
};

Result<int> ListenUnix(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& text = path.native();
  if (text.size() >= sizeof(address.sun_path)) {
    return Fail(ErrorCode::kInvalidArgument, "{} is too long for a socket", text);
  }
  std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(fd, kBacklog) != 0) {
    return Fail(ErrnoError("listen on " + text));
  }
  return fd;
}

Result<int> ListenTcp(int& port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || ::bind(fd, reinterpret_cast<const sockaddr*>(&address), length) != 0 ||
      ::listen(fd, kBacklog) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return Fail(ErrnoError("listen on a loopback port"));
  }
  port = ntohs(address.sin_port);
  return fd;
}

}  // namespace

std::int64_t NowNs() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void ScriptedEngine::Unmap::operator()(Board* board) const { ::munmap(board, sizeof(Board)); }

Result<ScriptedEngine> ScriptedEngine::Start(const ScriptedEngineOptions& options) {
  void* const memory =
      ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return Fail(ErrnoError("map a page"));
  SharedBoard board(new (memory) Board);
  int port = 0;
  TRY_ASSIGN(const int unix_listener, ListenUnix(options.socket));
  TRY_ASSIGN(const int tcp_listener, ListenTcp(port));
  Result<ChildProcess> process = ChildProcess::Fork([&] {
    Loop(options, *board, {unix_listener, tcp_listener}).Run();
  });
  ::close(unix_listener);
  ::close(tcp_listener);
  if (!process) return Fail(process.error());
  return ScriptedEngine(std::move(board), port, std::move(*process));
}

}  // namespace holdfast::bench
