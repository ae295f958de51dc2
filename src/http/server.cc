#include "http/server.h"

#include <utility>

#include "base/check.h"

namespace holdfast::http {
namespace {

// After an answer that ends a connection: time for the peer to read it before a close would throw
// away what it has not read yet (RFC 9112, section 9.6), and how much of its rest is swallowed.
constexpr std::chrono::milliseconds kLingerTimeMax{1'000};
constexpr std::size_t kLingerBytesMax = 1 << 20;

// At the end of a drain: time to say why an answer ends, and then for cut connections to close.
constexpr std::chrono::milliseconds kStopTimeMax{1'500};
constexpr std::chrono::milliseconds kCutTimeMax{1'000};

}  // namespace

// One open connection. Lives in the frame of ServeConnection.
struct Server::Live {
  net::Connection& connection;
  RequestReader reader;
  Exchange* exchange = nullptr;  // Under way; null between requests.
};

Server::Server(net::IoThreads& threads, ServerOptions options, Serve serve, Refuse refuse)
    : threads_(threads),
      options_(std::move(options)),
      serve_(std::move(serve)),
      refuse_(std::move(refuse)),
      quota_(net::ConnectionQuota::Make(options_.connections)),
      live_(threads.count()) {}

Server::~Server() {
  if (!is_draining_) Drain(std::chrono::milliseconds(0));
}

Result<void> Server::Listen(const net::Endpoint& endpoint) {
  net::ListenerOptions options;
  options.tls = options_.tls;
  options.trusted_proxies = options_.trusted_proxies;
  options.gate = options_.gate;
  options.refusal = options_.connection_refusal;
  options.on_refused = options_.on_connection_refused;
  TRY_ASSIGN(auto listener, net::Listener::Open(endpoint, threads_, quota_, std::move(options),
                                                [this](net::Accepted accepted) {
                                                  return ServeConnection(std::move(accepted));
                                                }));
  listeners_.push_back(std::move(listener));
  return {};
}

std::vector<net::Endpoint> Server::endpoints() const {
  std::vector<net::Endpoint> endpoints;
  for (const auto& listener : listeners_) endpoints.push_back(listener->endpoint());
  return endpoints;
}

net::Awaitable<void> Server::ServeConnection(net::Accepted accepted) {
  const std::shared_ptr<net::Connection> connection =
      net::Connection::Start(std::move(accepted.stream), options_.connection);
  const Exchange::Facts facts{accepted.peer, accepted.is_encrypted};
  const std::size_t thread = accepted.thread;
  Live live{*connection, RequestReader(*connection, options_.head)};
  live_[thread].insert(&live);
  {
    const std::lock_guard lock(mutex_);
    ++live_count_;
  }
  co_await ServeRequests(live, facts);
  if (!connection->is_peer_gone()) co_await Linger(*connection);
  connection->Close();
  live_[thread].erase(&live);
  const std::lock_guard lock(mutex_);
  if (--live_count_ == 0) all_closed_.notify_all();
}

net::Awaitable<void> Server::ServeRequests(Live& live, const Exchange::Facts& facts) {
  for (std::size_t i = 1; !is_draining_; ++i) {
    std::expected<RequestHead, Refusal> head = co_await live.reader.ReadHead();
    if (!head) {
      if (head.error().status == 0) co_return;
      Exchange exchange(live.connection, live.reader, facts, RequestHead{}, false);
      co_await refuse_(exchange, head.error());
      co_return;
    }
    const bool allows_keep_alive = i < options_.requests_per_connection_max && !is_draining_;
    Exchange exchange(live.connection, live.reader, facts, std::move(*head), allows_keep_alive);
    live.exchange = &exchange;
    co_await serve_(exchange);
    live.exchange = nullptr;
    if (!exchange.keeps_alive()) co_return;
  }
}

net::Awaitable<void> Server::Linger(net::Connection& connection) {
  const net::TimePoint deadline = net::Clock::now() + kLingerTimeMax;
  co_await connection.FinishWrites();
  std::size_t swallowed = 0;
  while (swallowed < kLingerBytesMax) {
    swallowed += connection.input().size();
    connection.Consume(connection.input().size());
    const Result<bool> more = co_await connection.WaitInput(deadline);
    if (!more || !*more) co_return;
  }
}

void Server::OnEachThread(const std::function<void(Live&)>& act) {
  for (std::size_t thread = 0; thread < threads_.count(); ++thread) {
    threads_.Run(thread, [&] {
      for (Live* live : live_[thread]) act(*live);
    });
  }
}

std::size_t Server::Drain(std::chrono::milliseconds limit) {
  is_draining_ = true;
  listeners_.clear();
  OnEachThread([](Live& live) {
    if (live.reader.is_idle()) live.connection.Close();
  });
  std::unique_lock lock(mutex_);
  const auto all_closed = [&] { return live_count_ == 0; };
  if (all_closed_.wait_for(lock, limit, all_closed)) return 0;
  const std::size_t cut = live_count_;
  lock.unlock();
  OnEachThread([](Live& live) {
    if (live.exchange != nullptr) live.exchange->stop().Stop(net::StopReason::kShutdown);
  });
  lock.lock();
  if (all_closed_.wait_for(lock, kStopTimeMax, all_closed)) return cut;
  lock.unlock();
  OnEachThread([](Live& live) { live.connection.Close(); });
  lock.lock();
  all_closed_.wait_for(lock, kCutTimeMax, all_closed);
  return cut;
}

}  // namespace holdfast::http
