#include "net/tls.h"

#include "net/tls_state.h"

namespace holdfast::net {

namespace ssl = asio::ssl;

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
  SSL_CTX_set_mode(state->context.native_handle(), SSL_MODE_RELEASE_BUFFERS |
                                                       SSL_MODE_ENABLE_PARTIAL_WRITE |
                                                       SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
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

}  // namespace holdfast::net
