#include "net/socket_stream.h"

#include <algorithm>

#include <poll.h>

#include "net/read_buffer.h"

namespace holdfast::net {

SocketStream::SocketStream(Socket socket) : socket_(std::move(socket)) {
  boost::system::error_code ignored;
  socket_.non_blocking(true, ignored);
}

Awaitable<Result<std::size_t>> SocketStream::ReadSome(std::span<char> buffer) {
  const auto [error, count] =
      co_await socket_.async_read_some(asio::buffer(buffer.data(), buffer.size()), kAsTuple);
  if (error == asio::error::eof) co_return std::size_t{0};
  if (error) co_return Fail(SystemError("read from peer", error));
  co_return count;
}

Awaitable<Result<std::size_t>> SocketStream::AppendSome(std::string& to, std::size_t bytes_max) {
  while (true) {
    const std::span<char> buffer = ThreadReadBuffer().first(std::min(bytes_max, kReadBufferBytes));
    boost::system::error_code error;
    const std::size_t count = socket_.read_some(asio::buffer(buffer.data(), buffer.size()), error);
    if (error == asio::error::eof) co_return std::size_t{0};
    if (!error) {
      to.append(buffer.data(), count);
      co_return count;
    }
    if (error == asio::error::would_block) {
      const auto [failed] = co_await socket_.async_wait(Socket::wait_read, kAsTuple);
      error = failed;
    }
    if (error) co_return Fail(SystemError("read from peer", error));
  }
}

Awaitable<Result<void>> SocketStream::WriteAll(std::string_view bytes) {
  const auto [error, count] =
      co_await asio::async_write(socket_, asio::buffer(bytes.data(), bytes.size()), kAsTuple);
  if (error) co_return Fail(SystemError("write to peer", error));
  co_return Result<void>{};
}

Awaitable<void> SocketStream::FinishWrites() {
  boost::system::error_code ignored;
  socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  co_return;
}

bool SocketStream::HasPeerLeft(Socket& socket) {
  pollfd look{.fd = socket.native_handle(), .events = POLLRDHUP, .revents = 0};
  return ::poll(&look, 1, 0) == 1;
}

void SocketStream::Close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

namespace {

// Closes the socket when the deadline passes before `done`.
struct ConnectWatch {
  explicit ConnectWatch(const Executor& executor) : timer(executor) {}
  asio::steady_timer timer;
  bool is_late = false;
};

template <typename AnySocket>
void CloseAt(ConnectWatch& watch, AnySocket& socket, TimePoint deadline) {
  watch.timer.expires_at(deadline);
  watch.timer.async_wait([&watch, &socket](const boost::system::error_code& error) {
    if (error) return;
    watch.is_late = true;
    boost::system::error_code ignored;
    socket.close(ignored);
  });
}

// The timer's handler refers to the frame of Dial, so it has to run before Dial returns.
Awaitable<void> StopWatch(ConnectWatch& watch) {
  watch.timer.cancel();
  co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
}

Awaitable<Result<Socket>> ConnectUnix(const Endpoint& endpoint) {
  const Executor executor = co_await asio::this_coro::executor;
  asio::local::stream_protocol::socket socket(executor);
  const asio::local::stream_protocol::endpoint address(endpoint.path);
  const auto [error] = co_await socket.async_connect(address, kAsTuple);
  if (error) co_return Fail(SystemError("connect to " + endpoint.ToString(), error));
  co_return Socket(std::move(socket));
}

Awaitable<Result<Socket>> ConnectTcp(const Endpoint& endpoint, TimePoint deadline) {
  const Executor executor = co_await asio::this_coro::executor;
  asio::ip::tcp::resolver resolver(executor);
  const auto [resolve_error, addresses] =
      co_await resolver.async_resolve(endpoint.host, std::to_string(endpoint.port),
                                      asio::ip::tcp::resolver::numeric_service, kAsTuple);
  if (resolve_error) {
    co_return Fail(ErrorCode::kNotFound, "resolve {}: {}", endpoint.host, resolve_error.message());
  }
  Error last = MakeError(ErrorCode::kUnavailable, "{} has no address", endpoint.host);
  for (const auto& entry : addresses) {
    asio::ip::tcp::socket socket(executor);
    ConnectWatch watch(executor);
    CloseAt(watch, socket, deadline);
    const auto [error] = co_await socket.async_connect(entry.endpoint(), kAsTuple);
    co_await StopWatch(watch);
    if (watch.is_late) {
      co_return Fail(ErrorCode::kDeadlineExceeded, "connect to {}: out of time",
                     endpoint.ToString());
    }
    if (!error) {
      boost::system::error_code ignored;
      socket.set_option(asio::ip::tcp::no_delay(true), ignored);
      co_return Socket(std::move(socket));
    }
    last = SystemError("connect to " + endpoint.ToString(), error);
  }
  co_return Fail(std::move(last));
}

}  // namespace

Awaitable<Result<std::unique_ptr<Stream>>> Dial(const Endpoint& endpoint, TimePoint deadline) {
  if (endpoint.IsUnix()) {
    CO_TRY_ASSIGN(Socket socket, co_await ConnectUnix(endpoint));
    co_return std::make_unique<SocketStream>(std::move(socket));
  }
  CO_TRY_ASSIGN(Socket socket, co_await ConnectTcp(endpoint, deadline));
  co_return std::make_unique<SocketStream>(std::move(socket));
}

}  // namespace holdfast::net
