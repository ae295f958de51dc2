#include "net/tls_client.h"

#include <utility>

#include <boost/asio/ssl.hpp>
#include <openssl/x509v3.h>

#include "net/tls_socket.h"
#include "net/watchdog.h"

namespace holdfast::net {

namespace ssl = asio::ssl;

struct TlsClient::State {
  // Streams take a reference to a non-const context; OpenSSL locks what it changes.
  mutable ssl::context context{ssl::context::tls_client};
  std::string server_name;
  bool is_address = false;
  bool insecure = false;
};

TlsClient::TlsClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsClient::~TlsClient() = default;

Result<std::unique_ptr<const TlsClient>> TlsClient::Open(const TlsClientOptions& options) {
  if (options.server_name.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "a TLS client needs the name of its server");
  }
  auto state = std::make_unique<State>();
  state->server_name = options.server_name;
  state->insecure = options.insecure;
  boost::system::error_code error;
  asio::ip::make_address(options.server_name, error);
  state->is_address = !error;
  state->context.set_options(ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                                 ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1 |
                                 ssl::context::no_compression | SSL_OP_NO_RENEGOTIATION,
                             error);
  if (error) return Fail(SystemError("set TLS options", error));
  if (options.ca_file.empty()) {
    state->context.set_default_verify_paths(error);
  } else {
    state->context.load_verify_file(options.ca_file.string(), error);
  }
  if (error) {
    return Fail(ErrorCode::kInvalidArgument, "TLS authorities {}: {}", options.ca_file.string(),
                error.message());
  }
  return std::unique_ptr<const TlsClient>(new TlsClient(std::move(state)));
}

namespace {

constexpr std::chrono::milliseconds kShutdownMax{1'000};

class TlsClientStream final : public Stream {
 public:
  TlsClientStream(Socket socket, const TlsClient::State& client)
      : stream_(std::move(socket), client.context) {}

  Executor executor() override { return stream_.get_executor(); }

  Result<void> Expect(const TlsClient::State& client) {
    SSL* const native = stream_.native_handle();
    const char* const name = client.server_name.c_str();
    X509_VERIFY_PARAM* const expected = SSL_get0_param(native);
    bool is_set = true;
    if (client.is_address) {
      is_set = X509_VERIFY_PARAM_set1_ip_asc(expected, name) == 1;
    } else {
      is_set = SSL_set_tlsext_host_name(native, name) == 1 && SSL_set1_host(native, name) == 1;
    }
    SSL_set_verify(native, client.insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
    if (!is_set) {
      return Fail(ErrorCode::kInvalidArgument, "TLS cannot expect the name '{}'", name);
    }
    return {};
  }

  Awaitable<Result<void>> Handshake(const Endpoint& endpoint, const DialOptions& options) {
    Watchdog watchdog(executor(), [this] { Close(); });
    watchdog.Set(options.deadline);
    StopSource::Listener listener;
    if (options.stop != nullptr) listener = options.stop->OnStop([this] { Close(); });
    const auto [error] = co_await stream_.async_handshake(ssl::stream_base::client, kAsTuple);
    const std::string what = "TLS with " + endpoint.ToString();
    if (options.stop != nullptr && options.stop->is_stopped()) {
      co_return Fail(ErrorCode::kCancelled, "{}: called off", what);
    }
    if (watchdog.is_late()) co_return Fail(ErrorCode::kDeadlineExceeded, "{}: out of time", what);
    if (!error) co_return Result<void>{};
    const long verified = SSL_get_verify_result(stream_.native_handle());
    if (verified != X509_V_OK) {
      co_return Fail(ErrorCode::kPermissionDenied, "{}: {}", what,
                     X509_verify_cert_error_string(verified));
    }
    co_return Fail(SystemError(what, error));
  }

  // A peer that ends without saying so may have been cut off: that is an error, not the end.
  Awaitable<Result<std::size_t>> ReadSome(std::span<char> buffer) override {
    const auto [error, count] =
        co_await stream_.async_read_some(asio::buffer(buffer.data(), buffer.size()), kAsTuple);
    if (error == asio::error::eof) co_return std::size_t{0};
    if (error == ssl::error::stream_truncated) {
      co_return Fail(ErrorCode::kUnavailable, "the TLS peer hung up without a word");
    }
    if (error) co_return Fail(SystemError("read from TLS peer", error));
    co_return count;
  }

  Awaitable<Result<void>> WriteAll(std::string_view bytes) override {
    const auto [error, count] =
        co_await asio::async_write(stream_, asio::buffer(bytes.data(), bytes.size()), kAsTuple);
    if (error) co_return Fail(SystemError("write to TLS peer", error));
    co_return Result<void>{};
  }

  Awaitable<void> FinishWrites() override {
    Watchdog watchdog(executor(), [this] { Close(); });
    watchdog.Set(Clock::now() + kShutdownMax);
    co_await stream_.async_shutdown(kAsTuple);
  }

  void Close() override {
    boost::system::error_code ignored;
    stream_.next_layer().close(ignored);
  }

  bool IsQuiet() override { return SocketStream::IsQuietSocket(stream_.next_layer()); }

 private:
  ssl::stream<Socket> stream_;
};

}  // namespace

Awaitable<Result<std::unique_ptr<Stream>>> ConnectTls(Socket socket, const TlsClient& client,
                                                      const Endpoint& endpoint,
                                                      const DialOptions& options) {
  auto stream = std::make_unique<TlsClientStream>(std::move(socket), client.state());
  CO_TRY(stream->Expect(client.state()));
  CO_TRY(co_await stream->Handshake(endpoint, options));
  co_return std::move(stream);
}

}  // namespace holdfast::net
