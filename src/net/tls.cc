#include "net/tls.h"

#include <boost/asio/ssl.hpp>

#include "net/tls_stream.h"

namespace holdfast::net {

namespace ssl = asio::ssl;

struct TlsContext::State {
  // Streams take a reference to a non-const context; OpenSSL locks what it changes.
  mutable ssl::context context{ssl::context::tls_server};
};

TlsContext::TlsContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsContext::~TlsContext() = default;

Result<std::unique_ptr<const TlsContext>> TlsContext::Open(
    const std::filesystem::path& certificate_chain, const std::filesystem::path& private_key) {
  auto state = std::make_unique<State>();
  boost::system::error_code error;
  state->context.set_options(ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                                 ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1 |
                                 ssl::context::no_compression | SSL_OP_NO_RENEGOTIATION,
                             error);
  if (error) return Fail(SystemError("set TLS options", error));
  state->context.use_certificate_chain_file(certificate_chain.string(), error);
  if (error) {
    return Fail(ErrorCode::kInvalidArgument, "TLS certificate {}: {}", certificate_chain.string(),
                error.message());
  }
  state->context.use_private_key_file(private_key.string(), ssl::context::pem, error);
  if (error) {
    return Fail(ErrorCode::kInvalidArgument, "TLS key {}: {}", private_key.string(),
                error.message());
  }
  return std::unique_ptr<const TlsContext>(new TlsContext(std::move(state)));
}

namespace {

constexpr std::chrono::milliseconds kShutdownMax{1'000};

class TlsStream final : public Stream {
 public:
  TlsStream(Socket socket, ssl::context& context) : stream_(std::move(socket), context) {}

  Executor executor() override { return stream_.get_executor(); }

  Awaitable<Result<void>> Handshake(TimePoint deadline) {
    asio::steady_timer timer(executor(), deadline);
    timer.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      is_late_ = true;
      Close();
    });
    const auto [error] = co_await stream_.async_handshake(ssl::stream_base::server, kAsTuple);
    timer.cancel();
    // The timer's handler refers to this object: let it run before anyone may drop it.
    co_await asio::post(executor(), asio::use_awaitable);
    if (is_late_) co_return Fail(ErrorCode::kDeadlineExceeded, "TLS handshake: out of time");
    if (error) co_return Fail(SystemError("TLS handshake", error));
    co_return Result<void>{};
  }

  Awaitable<Result<std::size_t>> ReadSome(std::span<char> buffer) override {
    const auto [error, count] =
        co_await stream_.async_read_some(asio::buffer(buffer.data(), buffer.size()), kAsTuple);
    if (error == asio::error::eof || error == ssl::error::stream_truncated) {
      co_return std::size_t{0};
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
    // Sends close_notify and waits a moment for the peer's.
    asio::steady_timer timer(executor(), kShutdownMax);
    timer.async_wait([this](const boost::system::error_code& error) {
      if (!error) Close();
    });
    co_await stream_.async_shutdown(kAsTuple);
    timer.cancel();
    co_await asio::post(executor(), asio::use_awaitable);
  }

  void Close() override {
    boost::system::error_code ignored;
    stream_.next_layer().close(ignored);
  }

 private:
  ssl::stream<Socket> stream_;
  bool is_late_ = false;
};

}  // namespace

Awaitable<Result<std::unique_ptr<Stream>>> AcceptTls(Socket socket, const TlsContext& context,
                                                     ConnectionSlot& slot, TimePoint deadline) {
  auto stream = std::make_unique<TlsStream>(std::move(socket), context.state().context);
  slot.OnGiveWay(stream->executor(), [raw = stream.get()] { raw->Close(); });
  const Result<void> shaken = co_await stream->Handshake(deadline);
  slot.OnGiveWay(stream->executor(), nullptr);
  if (!shaken) co_return Fail(shaken.error());
  co_return std::move(stream);
}

}  // namespace holdfast::net
