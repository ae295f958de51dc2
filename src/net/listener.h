// Listener: accepts connections on one endpoint and hands each, with its slot and its peer's
// address, to a coroutine on one of the I/O threads. What is over the connection limits gets
// `refusal` (a few bytes, never waited for) and is closed before TLS or a byte is read.
//
// Owned by the server. Open and Close on any thread but the I/O threads.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/awaitable.h"
#include "net/connection_quota.h"
#include "net/endpoint.h"
#include "net/io_threads.h"
#include "net/stream.h"
#include "net/tls.h"

namespace holdfast::net {

struct Accepted {
  std::unique_ptr<Stream> stream;
  ConnectionSlot slot;
  std::string peer;        // Numeric address, or "unix".
  std::size_t thread = 0;  // Index of the I/O thread that it belongs to.
  bool is_encrypted = false;
};

struct ListenerOptions {
  const TlsContext* tls = nullptr;  // Null: plain.
  std::string refusal;
  std::chrono::milliseconds handshake_max{10'000};
  int backlog = 1024;
  // Bound on what the kernel holds of an answer for a slow reader.
  int send_buffer_bytes = 256 << 10;
};

// The numeric addresses of a TCP endpoint's host ("localhost" is one of IPv4 and often one of
// IPv6); a Unix endpoint is its own. Blocks; for the start of a process. Errors: kNotFound.
[[nodiscard]] Result<std::vector<Endpoint>> ResolveToListen(const Endpoint& endpoint);

class Listener {
 public:
  using Serve = std::function<Awaitable<void>(Accepted)>;

  // `threads` and what `serve` refers to must outlive the listener's connections. A Unix
  // socket left over by a dead process is replaced. Errors: kAlreadyExists (address in use),
  // kPermissionDenied, kNotFound (host).
  [[nodiscard]] static Result<std::unique_ptr<Listener>> Open(
      const Endpoint& endpoint, IoThreads& threads, std::shared_ptr<ConnectionQuota> quota,
      ListenerOptions options, Serve serve);
  ~Listener();

  // Where it listens, with the port that the system chose.
  const Endpoint& endpoint() const;
  // Stops accepting; what was accepted goes on.
  void Close();

 private:
  struct State;
  explicit Listener(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace holdfast::net
