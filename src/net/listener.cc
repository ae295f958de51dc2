#include "net/listener.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "net/socket_stream.h"
#include "net/tls_stream.h"

namespace holdfast::net {

namespace {

using asio::ip::tcp;
using Local = asio::local::stream_protocol;

// Wait after a failed accept (most often: no file descriptor left), so as not to spin.
constexpr std::chrono::milliseconds kAcceptPause{100};

std::string PeerName(const tcp::socket& socket) {
  boost::system::error_code error;
  const auto remote = socket.remote_endpoint(error);
  return error ? "unknown" : remote.address().to_string();
}

std::string PeerName(const Local::socket&) { return "unix"; }

void SetOptions(tcp::socket& socket, const ListenerOptions& options) {
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::send_buffer_size(options.send_buffer_bytes), ignored);
}

void SetOptions(Local::socket&, const ListenerOptions&) {}

}  // namespace

Result<std::vector<Endpoint>> ResolveToListen(const Endpoint& endpoint) {
  if (endpoint.IsUnix()) return std::vector<Endpoint>{endpoint};
  boost::system::error_code error;
  asio::io_context resolving;
  tcp::resolver resolver(resolving);
  const auto addresses = resolver.resolve(endpoint.host, std::to_string(endpoint.port),
                                          tcp::resolver::numeric_service, error);
  if (error || addresses.empty()) {
    return Fail(ErrorCode::kNotFound, "listen on {}: {}", endpoint.ToString(), error.message());
  }
  std::vector<Endpoint> endpoints;
  for (const auto& entry : addresses) {
    Endpoint numeric = endpoint;
    numeric.host = entry.endpoint().address().to_string();
    if (std::ranges::find(endpoints, numeric.host, &Endpoint::host) == endpoints.end()) {
      endpoints.push_back(std::move(numeric));
    }
  }
  return endpoints;
}

struct Listener::State {
  State(IoThreads& threads_in, std::shared_ptr<ConnectionQuota> quota_in,
        ListenerOptions options_in, Serve serve_in)
      : threads(threads_in),
        quota(std::move(quota_in)),
        options(std::move(options_in)),
        serve(std::move(serve_in)) {}

  IoThreads& threads;
  const std::shared_ptr<ConnectionQuota> quota;
  const ListenerOptions options;
  const Serve serve;
  Endpoint endpoint;
  std::optional<tcp::acceptor> tcp_acceptor;
  std::optional<Local::acceptor> local_acceptor;

  Result<void> OpenTcp();
  Result<void> OpenLocal();

  template <typename Acceptor>
  static Awaitable<void> AcceptLoop(std::shared_ptr<State> self, Acceptor& acceptor);
  static Awaitable<void> ServeSocket(std::shared_ptr<State> self, Socket socket,
                                     ConnectionSlot slot, std::string peer, std::size_t thread);
};

Result<void> Listener::State::OpenTcp() {
  boost::system::error_code error;
  asio::io_context resolving;
  tcp::resolver resolver(resolving);
  const auto addresses =
      resolver.resolve(endpoint.host, std::to_string(endpoint.port),
                       tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error || addresses.empty()) {
    return Fail(ErrorCode::kNotFound, "listen on {}: {}", endpoint.ToString(), error.message());
  }
  const tcp::endpoint address = addresses.begin()->endpoint();
  tcp_acceptor.emplace(threads.executor(0));
  tcp_acceptor->open(address.protocol(), error);
  if (!error) tcp_acceptor->set_option(asio::socket_base::reuse_address(true), error);
  if (!error) tcp_acceptor->bind(address, error);
  if (!error) tcp_acceptor->listen(options.backlog, error);
  if (error) return Fail(SystemError("listen on " + endpoint.ToString(), error));
  endpoint.port = tcp_acceptor->local_endpoint().port();
  return {};
}

Result<void> Listener::State::OpenLocal() {
  boost::system::error_code error;
  const Local::endpoint address(endpoint.path);
  std::error_code ignored;
  if (std::filesystem::is_socket(endpoint.path, ignored)) {
    // A live server would take a connection; only what a dead one left is removed.
    asio::io_context probing;
    Local::socket probe(probing);
    probe.connect(address, error);
    if (!error) {
      return Fail(ErrorCode::kAlreadyExists, "listen on {}: another process serves it",
                  endpoint.ToString());
    }
    ::unlink(endpoint.path.c_str());
    error.clear();
  }
  local_acceptor.emplace(threads.executor(0));
  local_acceptor->open(address.protocol(), error);
  if (!error) local_acceptor->bind(address, error);
  if (!error && ::chmod(endpoint.path.c_str(), S_IRUSR | S_IWUSR) != 0) {
    return Fail(ErrnoError("chmod " + endpoint.path));
  }
  if (!error) local_acceptor->listen(options.backlog, error);
  if (error) return Fail(SystemError("listen on " + endpoint.ToString(), error));
  return {};
}

template <typename Acceptor>
Awaitable<void> Listener::State::AcceptLoop(std::shared_ptr<State> self, Acceptor& acceptor) {
  using ProtocolSocket = typename Acceptor::protocol_type::socket;
  asio::steady_timer pause(acceptor.get_executor());
  while (acceptor.is_open()) {
    const std::size_t thread = self->threads.NextIndex();
    ProtocolSocket socket(self->threads.executor(thread));
    const auto [error] = co_await acceptor.async_accept(socket, kAsTuple);
    if (error == asio::error::operation_aborted) break;
    if (error) {
      log::warn("accept on {}: {}", self->endpoint.ToString(), error.message());
      pause.expires_after(kAcceptPause);
      co_await pause.async_wait(kAsTuple);
      continue;
    }
    std::string peer = PeerName(socket);
    std::optional<ConnectionSlot> slot = self->quota->Take(peer);
    if (!slot) {
      boost::system::error_code ignored;
      socket.non_blocking(true, ignored);
      if (self->options.tls == nullptr) {
        socket.write_some(asio::buffer(self->options.refusal), ignored);
      }
      continue;
    }
    SetOptions(socket, self->options);
    Socket plain(std::move(socket));
    self->threads.Spawn(
        thread, ServeSocket(self, std::move(plain), std::move(*slot), std::move(peer), thread));
  }
}

Awaitable<void> Listener::State::ServeSocket(std::shared_ptr<State> self, Socket socket,
                                             ConnectionSlot slot, std::string peer,
                                             std::size_t thread) {
  std::unique_ptr<Stream> stream;
  if (self->options.tls != nullptr) {
    const TimePoint deadline = Clock::now() + self->options.handshake_max;
    auto secured = co_await AcceptTls(std::move(socket), *self->options.tls, deadline);
    if (!secured) {
      log::debug("{}: {}", peer, secured.error().message);
      co_return;
    }
    stream = std::move(*secured);
  } else {
    stream = std::make_unique<SocketStream>(std::move(socket));
  }
  Accepted accepted{std::move(stream), std::move(slot), std::move(peer), thread,
                    self->options.tls != nullptr};
  co_await self->serve(std::move(accepted));
}

Listener::Listener(std::shared_ptr<State> state) : state_(std::move(state)) {}
Listener::~Listener() { Close(); }

Result<std::unique_ptr<Listener>> Listener::Open(const Endpoint& endpoint, IoThreads& threads,
                                                 std::shared_ptr<ConnectionQuota> quota,
                                                 ListenerOptions options, Serve serve) {
  auto state =
      std::make_shared<State>(threads, std::move(quota), std::move(options), std::move(serve));
  state->endpoint = endpoint;
  if (endpoint.IsUnix()) {
    TRY(state->OpenLocal());
    threads.Spawn(0, State::AcceptLoop(state, *state->local_acceptor));
  } else {
    TRY(state->OpenTcp());
    threads.Spawn(0, State::AcceptLoop(state, *state->tcp_acceptor));
  }
  return std::unique_ptr<Listener>(new Listener(std::move(state)));
}

const Endpoint& Listener::endpoint() const { return state_->endpoint; }

void Listener::Close() {
  if (!state_) return;
  state_->threads.Run(0, [this] {
    boost::system::error_code ignored;
    if (state_->tcp_acceptor) state_->tcp_acceptor->close(ignored);
    if (state_->local_acceptor && state_->local_acceptor->is_open()) {
      state_->local_acceptor->close(ignored);
      ::unlink(state_->endpoint.path.c_str());
    }
  });
}

}  // namespace holdfast::net
