// Stream: one connected byte stream, plain or TLS, and the address of its peer.
// Single-threaded: used on the I/O thread of its executor only. One read and one write may be
// under way at the same time; Close ends both.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/awaitable.h"
#include "net/endpoint.h"

namespace holdfast::net {

class Stream {
 public:
  virtual ~Stream() = default;
  virtual Executor executor() = 0;
  // 1..buffer.size() bytes; 0 at the end of the stream.
  virtual Awaitable<Result<std::size_t>> ReadSome(std::span<char> buffer) = 0;
  // Appends 1..bytes_max bytes; 0 at the end of the stream. `to` is touched only when they are
  // there. A stream that can wait without a buffer of its own does.
  virtual Awaitable<Result<std::size_t>> AppendSome(std::string& to, std::size_t bytes_max);
  virtual Awaitable<Result<void>> WriteAll(std::string_view bytes) = 0;
  // Tells the peer that no more bytes will come.
  virtual Awaitable<void> FinishWrites() = 0;
  virtual void Close() = 0;
  // Whether the peer has closed its side, also while what it sent before is unread.
  virtual bool HasPeerLeft() { return false; }
};

// Connects to `endpoint` on the calling coroutine's I/O thread. Errors: kUnavailable (nobody
// listens), kNotFound (no such host), kDeadlineExceeded.
Awaitable<Result<std::unique_ptr<Stream>>> Dial(const Endpoint& endpoint, TimePoint deadline);

}  // namespace holdfast::net
