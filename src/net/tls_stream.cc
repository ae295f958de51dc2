#include "net/tls_stream.h"

#include <algorithm>
#include <utility>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "net/read_buffer.h"
#include "net/tls_state.h"

namespace holdfast::net {
namespace {

constexpr std::chrono::milliseconds kShutdownMax{1'000};

// OpenSSL's view of our socket: never blocks, and never raises SIGPIPE.
int ReadSocket(BIO* bio, char* bytes, int size) {
  auto& socket = *static_cast<Socket*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  boost::system::error_code error;
  const auto room = static_cast<std::size_t>(size);
  const std::size_t count = socket.read_some(asio::buffer(bytes, room), error);
  if (!error) return static_cast<int>(count);
  if (error == asio::error::eof) return 0;
  if (error == asio::error::would_block) BIO_set_retry_read(bio);
  return -1;
}

int WriteSocket(BIO* bio, const char* bytes, int size) {
  auto& socket = *static_cast<Socket*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  boost::system::error_code error;
  const auto count = static_cast<std::size_t>(size);
  const std::size_t written = socket.write_some(asio::buffer(bytes, count), error);
  if (!error) return static_cast<int>(written);
  if (error == asio::error::would_block) BIO_set_retry_write(bio);
  return -1;
}

long ControlSocket(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

const BIO_METHOD* SocketMethod() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    BIO_meth_set_read(made, ReadSocket);
    BIO_meth_set_write(made, WriteSocket);
    BIO_meth_set_ctrl(made, ControlSocket);
    return made;
  }();
  return method;
}

Error TlsError(std::string_view what) {
  const unsigned long code = ERR_get_error();
  const char* const why = code == 0 ? nullptr : ERR_reason_error_string(code);
  return MakeError(ErrorCode::kIo, "{}: {}", what, why == nullptr ? "the peer hung up" : why);
}

class TlsStream final : public Stream {
 public:
  TlsStream(Socket socket, SSL_CTX* context) : socket_(std::move(socket)), ssl_(SSL_new(context)) {
    boost::system::error_code ignored;
    socket_.non_blocking(true, ignored);
    BIO* const bio = BIO_new(SocketMethod());
    if (ssl_ == nullptr || bio == nullptr) return;
    BIO_set_data(bio, &socket_);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_, bio, bio);  // The SSL owns it now.
    SSL_set_accept_state(ssl_);
  }
  ~TlsStream() override { SSL_free(ssl_); }

  Executor executor() override { return socket_.get_executor(); }

  Awaitable<Result<void>> Handshake(TimePoint deadline) {
    if (ssl_ == nullptr) co_return Fail(ErrorCode::kResourceExhausted, "TLS: out of memory");
    asio::steady_timer timer(executor(), deadline);
    timer.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      is_late_ = true;
      Close();
    });
    const Result<std::size_t> shaken =
        co_await Drive("TLS handshake", [this] { return SSL_do_handshake(ssl_); });
    timer.cancel();
    // The timer's handler refers to this object: let it run before anyone may drop it.
    co_await asio::post(executor(), asio::use_awaitable);
    if (is_late_) co_return Fail(ErrorCode::kDeadlineExceeded, "TLS handshake: out of time");
    if (!shaken) co_return Fail(shaken.error());
    if (*shaken == 0) co_return Fail(ErrorCode::kIo, "TLS handshake: the peer hung up");
    co_return Result<void>{};
  }

  Awaitable<Result<std::size_t>> ReadSome(std::span<char> buffer) override {
    co_return co_await Drive("read from TLS peer", [this, buffer] {
      return SSL_read(ssl_, buffer.data(), static_cast<int>(buffer.size()));
    });
  }

  Awaitable<Result<std::size_t>> AppendSome(std::string& to, std::size_t bytes_max) override {
    co_return co_await Drive("read from TLS peer", [this, &to, bytes_max] {
      const std::span<char> buffer = ThreadReadBuffer();
      const std::size_t room = std::min(bytes_max, buffer.size());
      const int count = SSL_read(ssl_, buffer.data(), static_cast<int>(room));
      if (count > 0) TakeRead(buffer.first(static_cast<std::size_t>(count)), to);
      return count;
    });
  }

  std::size_t WriteNow(std::string_view bytes) override {
    if (!socket_.is_open() || bytes.empty()) return 0;
    ERR_clear_error();
    const int count = SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
    return count > 0 ? static_cast<std::size_t>(count) : 0;
  }

  Awaitable<Result<void>> WriteAll(std::string_view bytes) override {
    while (!bytes.empty()) {
      constexpr std::size_t kPartBytesMax = 1 << 30;
      const std::string_view part = bytes.substr(0, kPartBytesMax);
      CO_TRY_ASSIGN(const std::size_t count, co_await Drive("write to TLS peer", [this, part] {
                      return SSL_write(ssl_, part.data(), static_cast<int>(part.size()));
                    }));
      if (count == 0) co_return Fail(ErrorCode::kIo, "write to TLS peer: it hung up");
      bytes.remove_prefix(count);
    }
    co_return Result<void>{};
  }

  // Says that no more will come; what the peer still sends can be read.
  Awaitable<void> FinishWrites() override {
    asio::steady_timer timer(executor(), kShutdownMax);
    timer.async_wait([this](const boost::system::error_code& error) {
      if (!error) Close();
    });
    co_await Drive("end TLS", [this] { return SSL_shutdown(ssl_) < 0 ? -1 : 1; });
    timer.cancel();
    co_await asio::post(executor(), asio::use_awaitable);
    boost::system::error_code ignored;
    socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  }

  void Close() override {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

  void CancelRead() override {
    boost::system::error_code ignored;
    socket_.cancel(ignored);
  }

  bool HasPeerLeft() override { return SocketStream::HasPeerLeft(socket_); }

 private:
  // Tries until it is done, and waits for the socket as OpenSSL says. 0: the peer's end.
  template <typename Attempt>
  Awaitable<Result<std::size_t>> Drive(std::string_view what, Attempt attempt) {
    while (socket_.is_open()) {
      ERR_clear_error();
      const int result = attempt();
      if (result > 0) co_return static_cast<std::size_t>(result);
      const int why = SSL_get_error(ssl_, result);
      if (why == SSL_ERROR_ZERO_RETURN) co_return std::size_t{0};
      if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
        // A peer that just hangs up is at its end: HTTP's framing tells what is incomplete.
        const unsigned long code = ERR_peek_error();
        const bool is_end = ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING || code == 0;
        if (is_end) co_return std::size_t{0};
        co_return Fail(TlsError(what));
      }
      const auto wait = why == SSL_ERROR_WANT_READ ? Socket::wait_read : Socket::wait_write;
      const auto [error] = co_await socket_.async_wait(wait, kAsTuple);
      if (error) co_return Fail(SystemError(what, error));
    }
    co_return Fail(ErrorCode::kCancelled, "{}: closed", what);
  }

  Socket socket_;
  SSL* const ssl_;
  bool is_late_ = false;
};

}  // namespace

Awaitable<Result<std::unique_ptr<Stream>>> AcceptTls(Socket socket, const TlsContext& context,
                                                     ConnectionSlot& slot, TimePoint deadline) {
  auto stream =
      std::make_unique<TlsStream>(std::move(socket), context.state().Current()->native_handle());
  slot.OnGiveWay(stream->executor(), [raw = stream.get()] { raw->Close(); });
  const Result<void> shaken = co_await stream->Handshake(deadline);
  slot.OnGiveWay(stream->executor(), nullptr);
  if (!shaken) co_return Fail(shaken.error());
  co_return std::move(stream);
}

}  // namespace holdfast::net
