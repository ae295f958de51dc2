// Server: listens on endpoints and gives each request's head to a handler, connection after
// connection, with keep-alive. Knows nothing of routes or of what an error looks like to a client;
// both come in from above.
//
// Open, Drain and the destructor on the owner's thread; the handler runs on the I/O threads. The
// I/O threads must be stopped, after Drain, before the server dies.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "http/exchange.h"
#include "net/connection_quota.h"
#include "net/io_threads.h"
#include "net/listener.h"

namespace holdfast::http {

// What a connection did that no request tells of.
enum class ConnectionEvent : std::uint8_t {
  kHandshakeOnly,  // It was opened, and no request came.
  kSlowHead,       // A request's head did not come within its time, or not before it gave way.
  kSlowBody,       // Nor its body.
  kSlowRead,       // The answer was taken too slowly.
};

struct ConnectionEnd {
  net::Address peer;
  ConnectionEvent event = ConnectionEvent::kHandshakeOnly;
  std::chrono::milliseconds held{0};  // How long it held its place.
};

struct ServerOptions {
  HeadLimits head;
  net::ConnectionLimits connections;
  net::ConnectionOptions connection;
  std::size_t requests_per_connection_max = 10'000;
  const net::TlsContext* tls = nullptr;
  // As of net::ListenerOptions. What is told to a connection that is refused is a whole HTTP
  // response, small.
  std::vector<net::Network> trusted_proxies;
  std::function<std::optional<Reason>(const net::Address&)> gate;
  std::function<std::string(Reason)> connection_refusal;
  std::function<void(const net::Address&, Reason)> on_connection_refused;
  // Called on any I/O thread, for these ends only.
  std::function<void(const ConnectionEnd&)> on_connection_end;
  // Of all bodies together; null: no limit but each one's.
  std::shared_ptr<net::ByteBudget> bodies;
};

class Server {
 public:
  // Answers the exchange before it returns.
  using Serve = std::function<net::Awaitable<void>(Exchange&)>;
  // Answers a request that could not be read.
  using Refuse = std::function<net::Awaitable<void>(Exchange&, const Refusal&)>;

  Server(net::IoThreads& threads, ServerOptions options, Serve serve, Refuse refuse);
  ~Server();

  // Errors as net::Listener::Open.
  [[nodiscard]] Result<void> Listen(const net::Endpoint& endpoint);
  // Where it listens; none after Drain.
  std::vector<net::Endpoint> endpoints() const;
  std::size_t connection_count() const { return quota_->open_count(); }
  // Closed so far to make room for others.
  std::size_t gave_way_count() const { return quota_->gave_way_count(); }

  // Stops accepting, closes idle connections and lets answers under way end. After `limit` the
  // others are told to stop, so that each ends with a reason, and what is left a little later is
  // cut. Returns the number of answers that did not come to their own end.
  std::size_t Drain(std::chrono::milliseconds limit);
  bool is_draining() const { return is_draining_; }

 private:
  class Live;
  net::Awaitable<void> ServeConnection(net::Accepted accepted);
  net::Awaitable<void> ServeRequests(Live& live, const Exchange::Facts& facts);
  void TellEnd(const net::Address& peer, ConnectionEvent event, net::TimePoint since) const;
  static net::Awaitable<void> Linger(net::Connection& connection);
  void OnEachThread(const std::function<void(Live&)>& act);

  net::IoThreads& threads_;
  const ServerOptions options_;
  const Serve serve_;
  const Refuse refuse_;
  const std::shared_ptr<net::ConnectionQuota> quota_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  std::atomic<bool> is_draining_{false};
  // Connections by I/O thread; each set is touched by its thread only.
  std::vector<std::unordered_set<Live*>> live_;
  std::mutex mutex_;
  std::condition_variable all_closed_;
  std::size_t live_count_ = 0;
};

}  // namespace holdfast::http
