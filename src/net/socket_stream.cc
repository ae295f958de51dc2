#include "net/socket_stream.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <poll.h>
#include <sys/socket.h>

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
    boost::system::error_code error = asio::error::would_block;
    if (!std::exchange(is_drained_, false)) {
      const auto buffer = ThreadReadBuffer().first(std::min(bytes_max, kReadBufferBytes));
      const std::size_t count =
          socket_.read_some(asio::buffer(buffer.data(), buffer.size()), error);
      if (error == asio::error::eof) co_return std::size_t{0};
      if (!error) {
        is_drained_ = count < buffer.size();
        TakeRead(buffer.first(count), to);
        co_return count;
      }
    }
    if (error == asio::error::would_block) {
      const auto [failed] = co_await socket_.async_wait(Socket::wait_read, kAsTuple);
      error = failed;
    }
    if (error) co_return Fail(SystemError("read from peer", error));
  }
}

std::size_t SocketStream::WriteNow(std::string_view bytes) {
  const ssize_t count =
      ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return count > 0 ? static_cast<std::size_t>(count) : 0;
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

void SocketStream::CancelRead() {
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

bool SocketStream::IsQuietSocket(Socket& socket) {
  char byte = 0;
  const ssize_t count = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace holdfast::net
