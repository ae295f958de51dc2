#include "connections/wire.h"

#include <cerrno>
#include <cstdio>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace holdfast::bench {
namespace {

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

Wire::State WaitsOrFailed() {
  return errno == EAGAIN || errno == EINTR ? Wire::State::kWaits : Wire::State::kFailed;
}

}  // namespace

void TlsClients::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

Result<TlsClients> TlsClients::Make() {
  TlsClients clients;
  clients.context_.reset(SSL_CTX_new(TLS_client_method()));
  if (clients.context_ == nullptr) return Fail(ErrorCode::kInternal, "no TLS context");
  SSL_CTX_set_verify(clients.context(), SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_mode(clients.context(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                          SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return clients;
}

Result<void> WriteCertificate(const std::filesystem::path& certificate_path,
                              const std::filesystem::path& key_path) {
  constexpr long kValidSeconds = 86'400;
  const std::unique_ptr<EVP_PKEY, FreeKey> key(EVP_EC_gen("P-256"));
  const std::unique_ptr<X509, FreeCertificate> certificate(X509_new());
  if (key == nullptr || certificate == nullptr) return Fail(ErrorCode::kInternal, "no TLS key");
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kValidSeconds);
  X509_NAME* const name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  X509_set_pubkey(certificate.get(), key.get());
  const File certificate_file(std::fopen(certificate_path.c_str(), "w"));
  const File key_file(std::fopen(key_path.c_str(), "w"));
  if (X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0 || certificate_file == nullptr ||
      key_file == nullptr || PEM_write_X509(certificate_file.get(), certificate.get()) == 0 ||
      PEM_write_PrivateKey(key_file.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 0) {
    return Fail(ErrorCode::kIo, "write {} and {}", certificate_path.string(), key_path.string());
  }
  return {};
}

void Wire::Free::operator()(ssl_st* ssl) const { SSL_free(ssl); }

Result<Wire> Wire::Connect(const Way& way) {
  Wire wire(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (wire.fd_ < 0) return Fail(ErrnoError("open a socket"));
  const int on = 1;
  ::setsockopt(wire.fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (way.source != 0) {
    // The kernel chooses the port when it knows the other end, so each source has all of them.
    ::setsockopt(wire.fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    address.sin_addr.s_addr = htonl(way.source);
    if (::bind(wire.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      return Fail(ErrnoError("bind to an address of 127.0.0.0/8"));
    }
  }
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(way.port));
  if (::connect(wire.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 &&
      errno != EINPROGRESS) {
    return Fail(ErrnoError("connect"));
  }
  if (way.tls != nullptr) {
    wire.ssl_.reset(SSL_new(way.tls->context()));
    if (wire.ssl_ == nullptr || SSL_set_fd(wire.ssl_.get(), wire.fd_) != 1) {
      return Fail(ErrorCode::kInternal, "no TLS session");
    }
  }
  return wire;
}

void Wire::Close() {
  ssl_.reset();
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

// Of SSL_connect, SSL_read and SSL_write.
Wire::State Wire::Judge(long outcome, std::size_t& count) {
  if (outcome > 0) {
    count = static_cast<std::size_t>(outcome);
    return State::kDone;
  }
  const int error = SSL_get_error(ssl_.get(), static_cast<int>(outcome));
  ERR_clear_error();
  return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? State::kWaits
                                                                       : State::kFailed;
}

Wire::State Wire::Prepare() {
  if (!is_connected_) {
    pollfd entry{fd_, POLLOUT, 0};
    if (::poll(&entry, 1, 0) != 1) return State::kWaits;
    int error = 0;
    socklen_t length = sizeof(error);
    ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) return State::kFailed;
    is_connected_ = true;
  }
  if (ssl_ == nullptr) return State::kDone;
  std::size_t ignored = 0;
  return Judge(SSL_connect(ssl_.get()), ignored);
}

Wire::State Wire::Send(std::string_view bytes, std::size_t& count) {
  if (ssl_ != nullptr) {
    return Judge(SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())), count);
  }
  const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent < 0) return WaitsOrFailed();
  count = static_cast<std::size_t>(sent);
  return State::kDone;
}

Wire::State Wire::Receive(std::span<char> bytes, std::size_t& count) {
  if (ssl_ != nullptr) {
    return Judge(SSL_read(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())), count);
  }
  const ssize_t received = ::recv(fd_, bytes.data(), bytes.size(), 0);
  if (received < 0) return WaitsOrFailed();
  count = static_cast<std::size_t>(received);
  return received > 0 ? State::kDone : State::kFailed;
}

}  // namespace holdfast::bench
