#include "http/server.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"
#include "http/response_text.h"

namespace holdfast::http {
namespace {

// After an answer that ends a connection: time for the peer to read it before a close would throw
// away what it has not read yet (RFC 9112, section 9.6). A peer that still sends a body which was
// refused may read nothing before it has sent all of it, so that is swallowed, as long as it comes.
constexpr std::chrono::milliseconds kLingerSilenceMax{1'000};
constexpr std::chrono::milliseconds kLingerTimeMax{10'000};
constexpr std::size_t kLingerBytesMax = 64 << 20;

// At the end of a drain: time to say why an answer ends, and then for cut connections to close.
constexpr std::chrono::milliseconds kStopTimeMax{1'500};
constexpr std::chrono::milliseconds kCutTimeMax{1'000};

}  // namespace

// One open connection, known to the server from its begin to its end, however that comes. Lives in
// the frame of ServeConnection.
class Server::Live {
 public:
  Live(Server& server, std::size_t thread, std::shared_ptr<net::Connection> shared)
      : connection(*shared),
        reader(connection, server.options_.head, server.options_.bodies),
        server_(server),
        thread_(thread),
        shared_(std::move(shared)) {
    server_.live_[thread_].insert(this);
    const std::lock_guard lock(server_.mutex_);
    ++server_.live_count_;
  }
  ~Live() {
    connection.Close();
    server_.live_[thread_].erase(this);
    const std::lock_guard lock(server_.mutex_);
    if (--server_.live_count_ == 0) server_.all_closed_.notify_all();
  }
  Live(const Live&) = delete;
  Live& operator=(const Live&) = delete;

  // What there is to tell of it; nullopt: it is as others are.
  std::optional<ConnectionEvent> Event() const {
    const bool is_slow = reader.is_out_of_time() || connection.has_given_way();
    if (is_reader_too_slow) return ConnectionEvent::kSlowRead;
    if (is_slow && reader.phase() == ReadPhase::kHead) return ConnectionEvent::kSlowHead;
    if (is_slow && reader.phase() == ReadPhase::kBody) return ConnectionEvent::kSlowBody;
    if (!has_request && reader.is_idle()) return ConnectionEvent::kHandshakeOnly;
    return std::nullopt;
  }

  // Passes over a request that is the last one again. What it is told; nullopt: it is to be read.
  std::optional<std::string> AnswerRepeat() {
    std::optional<Repeats::Answer> answer = reader.repeats().TryAnswer(connection.input());
    if (!answer) return std::nullopt;
    reader.PassRepeat();
    AppendContentLength(answer->body.size(), answer->head.lines);
    std::string text;
    constexpr std::size_t kUsualBytes = 2 << 10;
    text.reserve(kUsualBytes);
    AppendHead(answer->head, {}, text);
    text += answer->body;
    return text;
  }
  // As far as the kernel takes it at once, and with what is said to the next request if that may
  // have come already. What is left is to be written.
  std::string_view TellNow(std::string_view text) {
    const bool has_next = connection.input().size() >= reader.repeats().head_bytes();
    const bool may_hold = std::exchange(may_hold_answers, false);
    if (has_next && connection.WriteLater(text)) {
      may_hold_answers = true;
      return {};
    }
    if (may_hold) return text;  // It is to go out in one write with what is held.
    return text.substr(connection.WriteNow(text));
  }
  // False: the peer is gone.
  net::Awaitable<bool> Tell(std::string_view text) {
    const Result<void> written = co_await connection.Write(text);
    is_reader_too_slow = !written && written.error().code == ErrorCode::kDeadlineExceeded;
    co_return written.has_value();
  }

  net::Connection& connection;
  RequestReader reader;
  Exchange* exchange = nullptr;  // Under way; null between requests.
  bool has_request = false;
  bool is_reader_too_slow = false;
  bool may_hold_answers = true;  // The connection holds some for its next write.

 private:
  Server& server_;
  const std::size_t thread_;
  const std::shared_ptr<net::Connection> shared_;
};

namespace {

// A field of the head is parsed as a whole, so all of it has to fit.
ServerOptions Fitting(ServerOptions options) {
  std::size_t& read_ahead = options.connection.read_ahead_bytes_max;
  read_ahead = std::max(read_ahead, options.head.head_bytes_max + 1);
  return options;
}

}  // namespace

Server::Server(net::IoThreads& threads, ServerOptions options, Serve serve, Refuse refuse)
    : threads_(threads),
      options_(Fitting(std::move(options))),
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
  options.on_handshake_failed = [this](const net::Address& peer, net::TimePoint since) {
    TellEnd(peer, ConnectionEvent::kHandshakeOnly, since);
  };
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
  const Exchange::Facts facts{accepted.peer, accepted.is_encrypted};
  Live live(*this, accepted.thread,
            net::Connection::Start(std::move(accepted.stream), options_.connection,
                                   std::move(accepted.slot)));
  co_await ServeRequests(live, facts);
  if (const std::optional<ConnectionEvent> event = live.Event()) {
    TellEnd(facts.peer, *event, accepted.since);
  }
  if (!live.connection.is_peer_gone()) co_await Linger(live.connection);
}

void Server::TellEnd(const net::Address& peer, ConnectionEvent event, net::TimePoint since) const {
  if (!options_.on_connection_end || is_draining_) return;
  const auto held = net::Clock::now() - since;
  options_.on_connection_end(
      {peer, event, std::chrono::duration_cast<std::chrono::milliseconds>(held)});
}

net::Awaitable<void> Server::ServeRequests(Live& live, const Exchange::Facts& facts) {
  for (std::size_t i = 1; !is_draining_; ++i) {
    const std::expected<void, Refusal> begun = co_await live.reader.WaitForRequest();
    const bool allows_keep_alive = i < options_.requests_per_connection_max && !is_draining_;
    std::optional<std::string> again;
    if (begun && allows_keep_alive) again = live.AnswerRepeat();
    if (again) {
      const std::string_view unsent = live.TellNow(*again);
      if (!unsent.empty() && !co_await live.Tell(unsent)) co_return;
      continue;
    }
    std::expected<RequestHead, Refusal> head;
    if (begun) {
      head = co_await live.reader.ReadHead();
    } else {
      head = std::unexpected(begun.error());
    }
    if (!head) {
      if (head.error().status == 0) co_return;
      live.has_request = true;
      Exchange exchange(live.connection, live.reader, facts, RequestHead{}, false);
      co_await refuse_(exchange, head.error());
      co_return;
    }
    live.has_request = true;
    Exchange exchange(live.connection, live.reader, facts, std::move(*head), allows_keep_alive);
    live.exchange = &exchange;
    co_await serve_(exchange);
    live.exchange = nullptr;
    live.may_hold_answers = true;
    live.is_reader_too_slow = exchange.is_reader_too_slow();
    if (!exchange.keeps_alive()) co_return;
  }
}

net::Awaitable<void> Server::Linger(net::Connection& connection) {
  const net::TimePoint end = net::Clock::now() + kLingerTimeMax;
  connection.SetUse(net::ConnectionUse::kReading);
  connection.ExpectInput(true);
  co_await connection.FinishWrites();
  std::size_t swallowed = 0;
  while (swallowed < kLingerBytesMax) {
    swallowed += connection.input().size();
    connection.Consume(connection.input().size());
    const net::TimePoint silence_end = net::Clock::now() + kLingerSilenceMax;
    const Result<bool> more = co_await connection.WaitInput(std::min(end, silence_end));
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
