#include "net/socket_stream.h"

#include <cerrno>

#include <sys/socket.h>

namespace holdfast::net {

Awaitable<Result<std::size_t>> SocketStream::ReadSome(std::span<char> buffer) {
  const auto [error, count] =
      co_await socket_.async_read_some(asio::buffer(buffer.data(), buffer.size()), kAsTuple);
  if (error == asio::error::eof) co_return std::size_t{0};
  if (error) co_return Fail(SystemError("read from peer", error));
  co_return count;
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

void SocketStream::Close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

bool SocketStream::IsQuietSocket(Socket& socket) {
  char byte = 0;
  const ssize_t count = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace holdfast::net
