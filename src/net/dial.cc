// Dial: every wait in it (the name, each address, TLS) ends at the caller's deadline or stop.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>

#include "net/dial_from.h"
#include "net/event.h"
#include "net/socket_stream.h"
#include "net/stream.h"
#include "net/tls_client.h"
#include "net/tls_socket.h"
#include "net/watchdog.h"

namespace holdfast::net {
namespace {

using Tcp = asio::ip::tcp;

// A host with more addresses is dialled at the first ones.
constexpr std::size_t kAddressesMax = 8;

Error OutOfTime(const Endpoint& endpoint) {
  return MakeError(ErrorCode::kDeadlineExceeded, "connect to {}: out of time", endpoint.ToString());
}

Error Stopped(const Endpoint& endpoint) {
  return MakeError(ErrorCode::kCancelled, "connect to {}: called off", endpoint.ToString());
}

// A look-up runs on a thread of the resolver's and cannot be called off; it is left behind instead.
struct LookUp {
  explicit LookUp(const Executor& executor) : resolver(executor), done(executor) {}
  Tcp::resolver resolver;
  Event done;
  std::optional<boost::system::error_code> error;
  std::vector<Tcp::endpoint> addresses;
};

// A resolver without descriptors says only that it failed: ask the system itself.
bool HasDescriptor(const Executor& executor) {
  Tcp::socket probe(executor);
  boost::system::error_code error;
  probe.open(Tcp::v4(), error);
  return error != asio::error::no_descriptors;
}

Awaitable<Result<std::vector<Tcp::endpoint>>> Resolve(const Endpoint& endpoint,
                                                      const DialOptions& options) {
  boost::system::error_code is_name;
  const asio::ip::address numeric = asio::ip::make_address(endpoint.host, is_name);
  if (!is_name) co_return std::vector<Tcp::endpoint>{{numeric, endpoint.port}};
  const Executor executor = co_await asio::this_coro::executor;
  const auto look_up = std::make_shared<LookUp>(executor);
  look_up->resolver.async_resolve(
      endpoint.host, std::to_string(endpoint.port), Tcp::resolver::numeric_service,
      [look_up](const boost::system::error_code& error, const Tcp::resolver::results_type& found) {
        look_up->error = error;
        for (const auto& entry : found) {
          if (look_up->addresses.size() == kAddressesMax) break;
          look_up->addresses.push_back(entry.endpoint());
        }
        look_up->done.Notify();
      });
  StopSource::Listener listener;
  if (options.stop != nullptr) {
    listener = options.stop->OnStop([look_up] { look_up->done.Notify(); });
  }
  co_await look_up->done.Wait(options.deadline);
  if (!look_up->error) {
    const bool is_stopped = options.stop != nullptr && options.stop->is_stopped();
    co_return Fail(is_stopped ? Stopped(endpoint) : OutOfTime(endpoint));
  }
  if (!*look_up->error && !look_up->addresses.empty()) co_return std::move(look_up->addresses);
  if (!HasDescriptor(executor)) {
    co_return Fail(ErrorCode::kResourceExhausted, "resolve {}: no descriptor left", endpoint.host);
  }
  co_return Fail(ErrorCode::kNotFound, "resolve {}: {}", endpoint.host, look_up->error->message());
}

template <typename AnySocket, typename Address>
Awaitable<Result<Socket>> Connect(AnySocket socket, const Address& address, TimePoint deadline,
                                  const Endpoint& endpoint, StopSource* stop) {
  const auto close = [&socket] {
    boost::system::error_code ignored;
    socket.close(ignored);
  };
  Watchdog watchdog(socket.get_executor(), close);
  watchdog.Set(deadline);
  StopSource::Listener listener;
  if (stop != nullptr) listener = stop->OnStop(close);
  if (stop != nullptr && stop->is_stopped()) co_return Fail(Stopped(endpoint));
  const auto [error] = co_await socket.async_connect(address, kAsTuple);
  // One that was made and closed again before this ran is no connection either.
  if (stop != nullptr && stop->is_stopped()) co_return Fail(Stopped(endpoint));
  if (watchdog.is_late()) co_return Fail(OutOfTime(endpoint));
  if (error) co_return Fail(SystemError("connect to " + endpoint.ToString(), error));
  co_return Socket(std::move(socket));
}

// Each address gets its share of the time that is left, so that a dead one does not eat it all.
Awaitable<Result<Socket>> ConnectTcp(const Endpoint& endpoint, const DialOptions& options) {
  CO_TRY_ASSIGN(const std::vector<Tcp::endpoint> addresses, co_await Resolve(endpoint, options));
  const Executor executor = co_await asio::this_coro::executor;
  std::optional<Error> last;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    TimePoint deadline = options.deadline;
    if (deadline != kNoDeadline) {
      const TimePoint now = Clock::now();
      deadline = now + (deadline - now) / static_cast<std::int64_t>(addresses.size() - i);
    }
    Tcp::socket socket(executor);
    Result<Socket> made =
        co_await Connect(std::move(socket), addresses[i], deadline, endpoint, options.stop);
    if (made) {
      boost::system::error_code ignored;
      made->set_option(Tcp::no_delay(true), ignored);
      co_return made;
    }
    last = std::move(made.error());
    if (last->code == ErrorCode::kCancelled || last->code == ErrorCode::kResourceExhausted) break;
  }
  co_return Fail(std::move(*last));
}

Awaitable<Result<Socket>> ConnectUnix(const Endpoint& endpoint, const DialOptions& options) {
  asio::local::stream_protocol::socket socket(co_await asio::this_coro::executor);
  const asio::local::stream_protocol::endpoint address(endpoint.path);
  co_return co_await Connect(std::move(socket), address, options.deadline, endpoint, options.stop);
}

Result<void> BindSource(Tcp::socket& socket, const Address& source) {
  if (!source.is_v4()) {
    return Fail(ErrorCode::kInvalidArgument, "a connection cannot come from {}: only IPv4 can",
                source.ToString());
  }
  // The port is chosen when the peer is known, so that each pair of addresses has all of them.
  const int on = 1;
  if (::setsockopt(socket.native_handle(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) !=
      0) {
    return Fail(ErrnoError("set a socket's choice of port"));
  }
  boost::system::error_code error;
  socket.bind({asio::ip::make_address(source.ToString()), 0}, error);
  if (error == boost::system::errc::address_not_available) {
    return Fail(ErrorCode::kInvalidArgument, "{} is no address of this machine", source.ToString());
  }
  if (error) return Fail(SystemError("connect from " + source.ToString(), error));
  return {};
}

}  // namespace

Awaitable<Result<std::unique_ptr<Stream>>> DialFrom(const Source& source, const Endpoint& endpoint,
                                                    TimePoint deadline) {
  boost::system::error_code error;
  const asio::ip::address address = asio::ip::make_address(endpoint.host, error);
  if (error || !address.is_v4()) {
    co_return Fail(ErrorCode::kInvalidArgument, "{} is no IPv4 address", endpoint.host);
  }
  Tcp::socket socket(co_await asio::this_coro::executor);
  socket.open(Tcp::v4(), error);
  if (error) co_return Fail(SystemError("open a socket", error));
  if (source.receive_buffer_bytes > 0) {
    const asio::socket_base::receive_buffer_size size(source.receive_buffer_bytes);
    socket.set_option(size, error);
    if (error) co_return Fail(SystemError("set a socket's buffer", error));
  }
  CO_TRY(BindSource(socket, source.address));
  const Tcp::endpoint to(address, endpoint.port);
  CO_TRY_ASSIGN(Socket made, co_await Connect(std::move(socket), to, deadline, endpoint, nullptr));
  made.set_option(Tcp::no_delay(true), error);
  co_return std::make_unique<SocketStream>(std::move(made));
}

Awaitable<Result<std::unique_ptr<Stream>>> Dial(const Endpoint& endpoint,
                                                const DialOptions& options) {
  std::optional<Socket> socket;
  if (endpoint.IsUnix()) {
    CO_TRY_ASSIGN(socket, co_await ConnectUnix(endpoint, options));
  } else {
    CO_TRY_ASSIGN(socket, co_await ConnectTcp(endpoint, options));
  }
  if (options.tls != nullptr) {
    co_return co_await ConnectTls(std::move(*socket), *options.tls, endpoint, options);
  }
  co_return std::make_unique<SocketStream>(std::move(*socket));
}

Awaitable<Result<std::unique_ptr<Stream>>> Dial(const Endpoint& endpoint, TimePoint deadline) {
  const DialOptions options{.deadline = deadline};
  co_return co_await Dial(endpoint, options);
}

}  // namespace holdfast::net
