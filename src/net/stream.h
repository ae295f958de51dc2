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
#include "net/stop.h"

namespace holdfast::net {

class TlsClient;

class Stream {
 public:
  virtual ~Stream() = default;
  virtual Executor executor() = 0;
  // 1..buffer.size() bytes; 0 at the end of the stream.
  virtual Awaitable<Result<std::size_t>> ReadSome(std::span<char> buffer) = 0;
  // Appends 1..bytes_max bytes; 0 at the end of the stream. `to` is touched only when they are
  // there. A stream that can wait without a buffer of its own does.
  virtual Awaitable<Result<std::size_t>> AppendSome(std::string& to, std::size_t bytes_max);
  // Writes what can be written at once, maybe nothing: then WriteAll with the same bytes waits, and
  // says what is wrong. Not while a write is under way.
  virtual std::size_t WriteNow(std::string_view /*bytes*/) { return 0; }
  virtual Awaitable<Result<void>> WriteAll(std::string_view bytes) = 0;
  // Tells the peer that no more bytes will come.
  virtual Awaitable<void> FinishWrites() = 0;
  virtual void Close() = 0;
  // Ends a read that is under way, and no write is; it fails. A stream that could not be read on
  // after that is closed.
  virtual void CancelRead() { Close(); }
  // Nothing has come from the peer, not even its end. Asked of a connection that nobody reads,
  // before it is used again.
  virtual bool IsQuiet() { return true; }
  // Whether the peer has closed its side, also while what it sent before is unread.
  virtual bool HasPeerLeft() { return false; }
};

struct DialOptions {
  TimePoint deadline = kNoDeadline;  // Looking up the name and the TLS handshake included.
  const TlsClient* tls = nullptr;    // Null: plain. Must outlive the stream.
  StopSource* stop = nullptr;        // Null: nobody calls it off.
};

// Connects to `endpoint` on the calling coroutine's I/O thread. Errors: kUnavailable (nobody
// listens), kNotFound (no such host), kDeadlineExceeded, kCancelled (stopped), kResourceExhausted
// (this process has no descriptor left), kPermissionDenied (the peer's certificate), kIo.
Awaitable<Result<std::unique_ptr<Stream>>> Dial(const Endpoint& endpoint,
                                                const DialOptions& options);
Awaitable<Result<std::unique_ptr<Stream>>> Dial(const Endpoint& endpoint, TimePoint deadline);

}  // namespace holdfast::net
