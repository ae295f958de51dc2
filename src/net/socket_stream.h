// SocketStream: a TCP or Unix socket as a Stream. Only net's sources include this.
#pragma once

#include "net/asio.h"
#include "net/stream.h"

namespace holdfast::net {

using Socket = asio::generic::stream_protocol::socket;

class SocketStream final : public Stream {
 public:
  explicit SocketStream(Socket socket);

  Executor executor() override { return socket_.get_executor(); }
  Awaitable<Result<std::size_t>> ReadSome(std::span<char> buffer) override;
  Awaitable<Result<std::size_t>> AppendSome(std::string& to, std::size_t bytes_max) override;
  std::size_t WriteNow(std::string_view bytes) override;
  Awaitable<Result<void>> WriteAll(std::string_view bytes) override;
  Awaitable<void> FinishWrites() override;
  void Close() override;
  void CancelRead() override;
  bool IsQuiet() override { return IsQuietSocket(socket_); }

  // As Stream::IsQuiet, of any socket.
  static bool IsQuietSocket(Socket& socket);
  bool HasPeerLeft() override { return HasPeerLeft(socket_); }

  static bool HasPeerLeft(Socket& socket);

 private:
  Socket socket_;
  // A read had room left over: there was no more, and the kernel says when there is.
  bool is_drained_ = false;
};

}  // namespace holdfast::net
