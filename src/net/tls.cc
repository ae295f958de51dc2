#include "net/tls.h"

#include <utility>

#include "base/log.h"
#include "net/tls_state.h"

namespace holdfast::net {
namespace {

namespace ssl = asio::ssl;

// Of TLS 1.2 only what has forward secrecy and authenticated encryption, the strongest first; TLS
// 1.3 has nothing else.
constexpr const char* kSuites = "ECDHE+AESGCM:ECDHE+CHACHA20";

// All zeros where there is no file.
TlsContext::State::Stamp StampOf(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .bytes = status.st_size,
          .seconds = status.st_mtim.tv_sec,
          .nanoseconds = status.st_mtim.tv_nsec};
}

}  // namespace

TlsContext::TlsContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsContext::~TlsContext() = default;

TlsContext::State::Stamps TlsContext::State::Look() const {
  return {.certificate_chain = StampOf(certificate_chain), .private_key = StampOf(private_key)};
}

Result<std::shared_ptr<TlsContext::State::Ssl>> TlsContext::State::Load() const {
  auto made = std::make_shared<Ssl>(Ssl::tls_server);
  boost::system::error_code error;
  made->set_options(ssl::context::no_sslv2 | ssl::context::no_sslv3 | ssl::context::no_tlsv1 |
                        ssl::context::no_tlsv1_1 | ssl::context::no_compression |
                        SSL_OP_NO_RENEGOTIATION | SSL_OP_CLEANSE_PLAINTEXT |
                        SSL_OP_CIPHER_SERVER_PREFERENCE,
                    error);
  if (error) return Fail(SystemError("set TLS options", error));
  if (SSL_CTX_set_cipher_list(made->native_handle(), kSuites) != 1) {
    return Fail(ErrorCode::kUnavailable, "this OpenSSL has none of the cipher suites {}", kSuites);
  }
  SSL_CTX_set_mode(made->native_handle(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  made->use_certificate_chain_file(certificate_chain.string(), error);
  if (error) {
    return Fail(ErrorCode::kInvalidArgument, "TLS certificate {}: {}", certificate_chain.string(),
                error.message());
  }
  made->use_private_key_file(private_key.string(), ssl::context::pem, error);
  if (error) {
    return Fail(ErrorCode::kInvalidArgument, "TLS key {}: {}", private_key.string(),
                error.message());
  }
  // A key of another kind than the certificate's is taken above, and fits nothing.
  if (SSL_CTX_check_private_key(made->native_handle()) != 1) {
    return Fail(ErrorCode::kInvalidArgument, "TLS key {}: it is not the key of {}",
                private_key.string(), certificate_chain.string());
  }
  return made;
}

// Two looks at files cost nothing beside a handshake, so there is no timer and no signal to miss.
// Of two files that are renewed one after the other the first may not fit yet: then the next look
// sees the second.
std::shared_ptr<TlsContext::State::Ssl> TlsContext::State::Current() {
  const std::lock_guard lock(mutex);
  const Stamps now = Look();
  if (now == seen) return ssl;
  seen = now;
  Result<std::shared_ptr<Ssl>> renewed = Load();
  if (renewed) {
    ssl = std::move(*renewed);
    log::info("new connections use the TLS certificate {} as it is now",
              certificate_chain.string());
  } else {
    log::warn("the TLS certificate from before stays in use: {}", renewed.error().message);
  }
  return ssl;
}

Result<std::unique_ptr<const TlsContext>> TlsContext::Open(
    const std::filesystem::path& certificate_chain, const std::filesystem::path& private_key) {
  auto state = std::make_unique<State>();
  state->certificate_chain = certificate_chain;
  state->private_key = private_key;
  state->seen = state->Look();
  TRY_ASSIGN(state->ssl, state->Load());
  return std::unique_ptr<const TlsContext>(new TlsContext(std::move(state)));
}

}  // namespace holdfast::net
