#include "server/control_socket.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

namespace holdfast::server {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kName = "control.sock";
constexpr std::chrono::seconds kQuestionMax{5};
// Rewrapping every key of a large service takes its time.
constexpr std::chrono::minutes kAnswerMax{10};

Result<sockaddr_un> AddressIn(const std::filesystem::path& state_dir) {
  const std::string path = state_dir / kName;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return Fail(ErrorCode::kInvalidArgument, "{} is too long a path for a socket", path);
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

crypto::Descriptor MakeSocket() {
  return crypto::Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

const sockaddr* Plain(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

bool MayAsk(int connection) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == 0 || peer.uid == ::geteuid();
}

// Up to the end of the line. Errors: kDeadlineExceeded, kTooLarge, kIo (it ended before).
Result<std::string> ReadLine(int connection, Clock::duration time_max) {
  const Clock::time_point deadline = Clock::now() + time_max;
  std::string line;
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd ready{connection, POLLIN, 0};
    if (left <= 0 || ::poll(&ready, 1, static_cast<int>(left)) == 0) {
      return Fail(ErrorCode::kDeadlineExceeded, "no line within the time for it");
    }
    std::array<char, 4096> part{};
    const ssize_t count = ::recv(connection, part.data(), part.size(), 0);
    if (count <= 0) return Fail(ErrorCode::kIo, "the other side hung up");
    line.append(part.data(), static_cast<std::size_t>(count));
    if (line.ends_with('\n')) return line;
    if (line.size() > kControlBytesMax) {
      return Fail(ErrorCode::kTooLarge, "a line of over {} bytes", kControlBytesMax);
    }
  }
}

Result<void> WriteLine(int connection, const json::Object& object) {
  const std::string line = json::Write(object) + "\n";
  // It fits the socket's buffer.
  const ssize_t count = ::send(connection, line.data(), line.size(), MSG_NOSIGNAL);
  if (count != static_cast<ssize_t>(line.size())) return Fail(ErrnoError("write an answer"));
  return {};
}

Result<json::Object> ParseObject(const std::string& line) {
  TRY_ASSIGN(json::Value value, json::Parse(line));
  if (!value.is_object()) return Fail(ErrorCode::kInvalidArgument, "not an object");
  return std::move(value.as_object());
}

json::Object ErrorObject(const Error& error) {
  return {{"error", {{"code", static_cast<int>(error.code)}, {"message", error.message}}}};
}

Error ReadError(const json::Object& answer) {
  const auto error = json::RequireObject(answer, "error");
  if (!error) return error.error();
  const auto code = json::RequireInt(**error, "code", 0, static_cast<int>(ErrorCode::kInternal));
  const auto message = json::RequireString(**error, "message");
  if (!code || !message) return MakeError(ErrorCode::kIo, "the gateway's answer is not understood");
  return {static_cast<ErrorCode>(*code), *message};
}

}  // namespace

Result<std::unique_ptr<ControlSocket>> ControlSocket::Listen(const std::filesystem::path& state_dir,
                                                             Answer answer) {
  TRY_ASSIGN(const sockaddr_un address, AddressIn(state_dir));
  crypto::Descriptor listening = MakeSocket();
  if (!listening.is_open()) return Fail(ErrnoError("make a control socket"));
  ::unlink(address.sun_path);
  constexpr int kBacklog = 8;
  if (::bind(listening.number(), Plain(address), sizeof(address)) != 0 ||
      ::listen(listening.number(), kBacklog) != 0) {
    return Fail(ErrnoError(std::string("listen on ") + address.sun_path));
  }
  crypto::Descriptor stop(::eventfd(0, EFD_CLOEXEC));
  if (!stop.is_open()) return Fail(ErrnoError("make an event"));
  return std::unique_ptr<ControlSocket>(
      new ControlSocket(std::move(listening), std::move(stop), std::move(answer)));
}

ControlSocket::ControlSocket(crypto::Descriptor listening, crypto::Descriptor stop, Answer answer)
    : listening_(std::move(listening)),
      stop_(std::move(stop)),
      answer_(std::move(answer)),
      thread_([this] { Serve(); }) {}

ControlSocket::~ControlSocket() {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(stop_.number(), &one, sizeof(one)));
  thread_.join();
}

void ControlSocket::Serve() {
  while (true) {
    std::array<pollfd, 2> ready{{{listening_.number(), POLLIN, 0}, {stop_.number(), POLLIN, 0}}};
    if (::poll(ready.data(), ready.size(), -1) < 0 && errno != EINTR) return;
    if (ready[1].revents != 0) return;
    if (ready[0].revents == 0) continue;
    const crypto::Descriptor connection(
        ::accept4(listening_.number(), nullptr, nullptr, SOCK_CLOEXEC));
    if (connection.is_open() && MayAsk(connection.number())) AnswerOne(connection.number());
  }
}

void ControlSocket::AnswerOne(int connection) {
  const auto answer = [&]() -> Result<json::Object> {
    TRY_ASSIGN(const std::string line, ReadLine(connection, kQuestionMax));
    TRY_ASSIGN(const json::Object question, ParseObject(line));
    TRY_ASSIGN(json::Object told, answer_(question));
    return json::Object{{"ok", std::move(told)}};
  }();
  const Result<void> written =
      WriteLine(connection, answer ? *answer : ErrorObject(answer.error()));
  if (!written) log::warn("a question at the console: {}", written.error().message);
}

Result<std::optional<json::Object>> AskGateway(const std::filesystem::path& state_dir,
                                               const json::Object& question) {
  const Result<sockaddr_un> address = AddressIn(state_dir);
  // A gateway would not listen there either.
  if (!address) return std::nullopt;
  const crypto::Descriptor connection = MakeSocket();
  if (!connection.is_open()) return Fail(ErrnoError("make a socket"));
  if (::connect(connection.number(), Plain(*address), sizeof(*address)) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) return std::nullopt;
    return Fail(ErrnoError(std::string("connect to ") + address->sun_path));
  }
  TRY(WriteLine(connection.number(), question));
  TRY_ASSIGN(const std::string line, ReadLine(connection.number(), kAnswerMax));
  TRY_ASSIGN(json::Object answer, ParseObject(line));
  if (answer.contains("error")) return Fail(ReadError(answer));
  TRY_ASSIGN(const json::Object* const told, json::RequireObject(answer, "ok"));
  return *told;
}

}  // namespace holdfast::server
