#include "net/listener.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <optional>
#include <utility>

#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "net/file_limits.h"
#include "net/proxy_protocol.h"
#include "net/socket_stream.h"
#include "net/tls_stream.h"

namespace holdfast::net {

namespace {

using asio::ip::tcp;
using Local = asio::local::stream_protocol;

// Wait after a failed accept, so as not to spin.
constexpr std::chrono::milliseconds kAcceptPause{100};
// Between connections refused because no file is left.
constexpr std::chrono::milliseconds kRefusePause{1};

bool IsOutOfFiles(const boost::system::error_code& error) {
  return error == asio::error::no_descriptors ||
         error == boost::system::errc::too_many_files_open_in_system;
}

// nullopt: it has gone already.
std::optional<Address> AddressOf(const tcp::socket& socket) {
  boost::system::error_code error;
  const auto remote = socket.remote_endpoint(error).address();
  if (error) return std::nullopt;
  if (remote.is_v4()) return Address::V4(remote.to_v4().to_bytes());
  return Address::V6(remote.to_v6().to_bytes());
}

std::optional<Address> AddressOf(const Local::socket&) { return Address::Unix(); }

void SetNumber(tcp::socket& socket, int level, int option, int value) {
  ::setsockopt(socket.native_handle(), level, option, &value, sizeof(value));
}

// A socket that takes none of these still serves.
void SetOptions(tcp::socket& socket, const ListenerOptions& options) {
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::send_buffer_size(options.send_buffer_bytes), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  constexpr int kProbes = 4;
  const auto silence_ms = static_cast<int>(options.silence_max.count());
  const int probe_seconds = std::max(silence_ms / 1'000 / (kProbes + 1), 1);
  SetNumber(socket, IPPROTO_TCP, TCP_KEEPIDLE, probe_seconds);
  SetNumber(socket, IPPROTO_TCP, TCP_KEEPINTVL, probe_seconds);
  SetNumber(socket, IPPROTO_TCP, TCP_KEEPCNT, kProbes);
  SetNumber(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, silence_ms);
}

void SetOptions(Local::socket&, const ListenerOptions&) {}

// Reads the PROXY protocol header that a trusted proxy's connection may begin with, and no byte
// more. The client that it names; `proxy` when it names none. Errors: kCorrupt, kDeadlineExceeded
// (a header that stays incomplete), kIo.
Awaitable<Result<Address>> ReadClient(Socket& socket, Address proxy, TimePoint deadline) {
  // A header comes whole, if it comes; the rest of one in pieces is looked for this often.
  constexpr std::chrono::milliseconds kPieceWait{5};
  std::array<char, kProxyHeaderBytesMax> bytes;
  boost::system::error_code error;
  socket.non_blocking(true, error);
  asio::steady_timer timer(socket.get_executor());
  while (true) {
    const std::size_t count =
        socket.receive(asio::buffer(bytes), asio::socket_base::message_peek, error);
    if (error && error != asio::error::would_block) {
      co_return Fail(SystemError("read a PROXY header", error));
    }
    CO_TRY_ASSIGN(const ProxyPrefix prefix, ReadProxyPrefix({bytes.data(), error ? 0 : count}));
    if (prefix.kind == ProxyPrefix::Kind::kAbsent) co_return proxy;
    if (prefix.kind == ProxyPrefix::Kind::kWhole) {
      socket.receive(asio::buffer(bytes, prefix.bytes), 0, error);
      if (error) co_return Fail(SystemError("read a PROXY header", error));
      co_return prefix.client.value_or(proxy);
    }
    if (Clock::now() >= deadline) {
      // A proxy may connect before it has anything to say.
      if (error) co_return proxy;
      co_return Fail(ErrorCode::kDeadlineExceeded, "half a PROXY header");
    }
    timer.expires_after(kPieceWait);
    co_await timer.async_wait(kAsTuple);
  }
}

// Says why, and waits for the peer's end for a moment: a close before the peer's request has come
// would be a reset, which may reach it before the words do.
Awaitable<void> SayFarewell(Socket socket, std::string words) {
  constexpr std::chrono::milliseconds kTimeMax{1'000};
  constexpr std::size_t kBytesMax = 64 << 10;
  boost::system::error_code error;
  socket.non_blocking(true, error);
  socket.write_some(asio::buffer(words), error);
  socket.shutdown(asio::socket_base::shutdown_send, error);
  asio::steady_timer timer(socket.get_executor(), kTimeMax);
  timer.async_wait([&socket](const boost::system::error_code& cancelled) {
    boost::system::error_code ignored;
    if (!cancelled) socket.close(ignored);
  });
  std::array<char, 1024> bytes;
  for (std::size_t total = 0; total < kBytesMax;) {
    const auto [failed, count] = co_await socket.async_read_some(asio::buffer(bytes), kAsTuple);
    if (failed) break;
    total += count;
  }
  timer.cancel();
  // The timer's handler refers to this frame: let it run first.
  co_await asio::post(socket.get_executor(), asio::use_awaitable);
}

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

  std::atomic<int> farewells{0};
  ReserveFile reserve;  // Of the accepting thread.

  // A connection on its way to `serve`.
  struct Guest {
    Socket socket;
    ConnectionSlot slot;
    Address peer;
    std::size_t thread;
    bool is_proxy;
  };

  template <typename Acceptor>
  static Awaitable<void> AcceptLoop(std::shared_ptr<State> self, Acceptor& acceptor);
  std::expected<ConnectionSlot, Reason> LetIn(const Address& peer, bool is_proxy) const;
  std::optional<Reason> AskGate(const Address& peer) const;
  template <typename Acceptor>
  void RefuseWithReserve(Acceptor& acceptor);
  static void Refuse(const std::shared_ptr<State>& self, Socket socket, const Address& peer,
                     Reason reason, std::size_t thread);
  static Awaitable<void> Receive(std::shared_ptr<State> self, Guest guest);
  static Awaitable<bool> LearnClient(const std::shared_ptr<State>& self, Guest& guest);
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
    if (IsOutOfFiles(error)) {
      self->RefuseWithReserve(acceptor);
      pause.expires_after(kRefusePause);
      co_await pause.async_wait(kAsTuple);
      continue;
    }
    if (error) {
      log::warn("accept on {}: {}", self->endpoint.ToString(), error.message());
      pause.expires_after(kAcceptPause);
      co_await pause.async_wait(kAsTuple);
      continue;
    }
    const std::optional<Address> peer = AddressOf(socket);
    if (!peer) continue;
    const bool is_proxy = IsIn(*peer, self->options.trusted_proxies);
    std::expected<ConnectionSlot, Reason> slot = self->LetIn(*peer, is_proxy);
    if (!slot) {
      Refuse(self, std::move(socket), *peer, slot.error(), thread);
      continue;
    }
    SetOptions(socket, self->options);
    Guest guest{std::move(socket), std::move(*slot), *peer, thread, is_proxy};
    self->threads.Spawn(thread, Receive(self, std::move(guest)));
  }
}

// With no file left, those who come would wait unseen: the reserve takes one at a time to say so.
template <typename Acceptor>
void Listener::State::RefuseWithReserve(Acceptor& acceptor) {
  static log::RateLimited lines(1);
  lines.Write(spdlog::level::warn, "no file is left for a connection to {}", endpoint.ToString());
  reserve.Release();
  boost::system::error_code error;
  acceptor.non_blocking(true, error);
  typename Acceptor::protocol_type::socket socket(acceptor.get_executor());
  acceptor.accept(socket, error);
  if (!error) {
    const std::optional<Address> peer = AddressOf(socket);
    if (peer && options.on_refused) options.on_refused(*peer, Reason::kConnectionsFull);
    socket.non_blocking(true, error);
    if (options.tls == nullptr && options.refusal) {
      socket.write_some(asio::buffer(options.refusal(Reason::kConnectionsFull)), error);
    }
    // A close with the request unread would be a reset.
    std::array<char, 4096> unread;
    while (!error) socket.read_some(asio::buffer(unread), error);
    socket.close(error);
  }
  reserve.Take();
}

std::optional<Reason> Listener::State::AskGate(const Address& peer) const {
  return options.gate ? options.gate(peer) : std::nullopt;
}

std::expected<ConnectionSlot, Reason> Listener::State::LetIn(const Address& peer,
                                                             bool is_proxy) const {
  if (is_proxy) return quota->TakeForProxy(peer, Clock::now());
  if (const std::optional<Reason> reason = AskGate(peer)) return std::unexpected(*reason);
  return quota->Take(peer, Clock::now());
}

void Listener::State::Refuse(const std::shared_ptr<State>& self, Socket socket, const Address& peer,
                             Reason reason, std::size_t thread) {
  // More are closed without a word.
  constexpr int kFarewellsMax = 256;
  const ListenerOptions& options = self->options;
  if (options.on_refused) options.on_refused(peer, reason);
  if (options.tls != nullptr || !options.refusal) return;
  if (self->farewells.fetch_add(1) >= kFarewellsMax) {
    --self->farewells;
    return;
  }
  const auto say = [](std::shared_ptr<State> state, Socket taken,
                      std::string words) -> Awaitable<void> {
    co_await SayFarewell(std::move(taken), std::move(words));
    --state->farewells;
  };
  self->threads.Spawn(thread, say(self, std::move(socket), options.refusal(reason)));
}

// False: it was refused.
Awaitable<bool> Listener::State::LearnClient(const std::shared_ptr<State>& self, Guest& guest) {
  const TimePoint deadline = Clock::now() + self->options.proxy_header_max;
  const Result<Address> client = co_await ReadClient(guest.socket, guest.peer, deadline);
  if (!client) {
    log::debug("proxy {}: {}", guest.peer.ToString(), client.error().message);
    co_return false;
  }
  if (*client == guest.peer) co_return true;
  guest.peer = *client;
  std::optional<Reason> reason = self->AskGate(*client);
  if (!reason) {
    const std::expected<void, Reason> moved = guest.slot.MoveTo(*client);
    if (moved) co_return true;
    reason = moved.error();
  }
  Refuse(self, std::move(guest.socket), *client, *reason, guest.thread);
  co_return false;
}

Awaitable<void> Listener::State::Receive(std::shared_ptr<State> self, Guest guest) {
  const TimePoint began = Clock::now();
  const Executor executor = self->threads.executor(guest.thread);
  guest.slot.OnGiveWay(executor, [&socket = guest.socket] {
    boost::system::error_code ignored;
    socket.close(ignored);
  });
  if (guest.is_proxy && !co_await LearnClient(self, guest)) co_return;
  guest.slot.OnGiveWay(executor, nullptr);

  std::unique_ptr<Stream> stream;
  if (self->options.tls != nullptr) {
    const TimePoint deadline = began + self->options.handshake_max;
    auto secured =
        co_await AcceptTls(std::move(guest.socket), *self->options.tls, guest.slot, deadline);
    if (!secured) {
      log::debug("{}: {}", guest.peer.ToString(), secured.error().message);
      if (self->options.on_handshake_failed) self->options.on_handshake_failed(guest.peer, began);
      co_return;
    }
    stream = std::move(*secured);
  } else {
    stream = std::make_unique<SocketStream>(std::move(guest.socket));
  }
  Accepted accepted{
      std::move(stream),           std::move(guest.slot), guest.peer, guest.thread, began,
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
