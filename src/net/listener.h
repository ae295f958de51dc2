// Listener: accepts connections on one endpoint and hands each, with its slot and its peer's
// address, to a coroutine on one of the I/O threads. Who is refused is so before TLS or a byte is
// read, and before anything is spent: by the gate, which knows addresses, or by the quota.
//
// A trusted proxy passes both; when its connection begins with a PROXY protocol header, the client
// named there is its peer, and has to pass both. Nobody else is believed such a header.
//
// Owned by the server. Open and Close on any thread but the I/O threads.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/reason.h"
#include "net/address.h"
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
  Address peer;            // Whom a trusted proxy connects for, if it says so.
  std::size_t thread = 0;  // Index of the I/O thread that it belongs to.
  TimePoint since;
  bool is_encrypted = false;
};

struct ListenerOptions {
  const TlsContext* tls = nullptr;  // Null: plain.
  std::vector<Network> trusted_proxies;

  // These are called on any of the I/O threads, also at once. Each may be empty.
  // Why that address may not come in; nullopt: it may.
  std::function<std::optional<Reason>(const Address&)> gate;
  // What a plain connection that is refused is told: a few bytes, a whole answer.
  std::function<std::string(Reason)> refusal;
  std::function<void(const Address&, Reason)> on_refused;
  // A TLS handshake did not come to its end; since when it held its place.
  std::function<void(const Address&, TimePoint)> on_handshake_failed;

  std::chrono::milliseconds handshake_max{10'000};
  std::chrono::milliseconds proxy_header_max{2'000};
  int backlog = 1024;
  // Bound on what the kernel holds of an answer for a slow reader.
  int send_buffer_bytes = 256 << 10;
  // A peer that acknowledges nothing for so long has gone without a word.
  std::chrono::milliseconds silence_max{60'000};
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
