// TLS as a client of OpenSSL sees it, over real sockets, with a certificate made here.
#include "net/tls.h"

#include <filesystem>
#include <fstream>
#include <future>
#include <string>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/listener.h"

namespace holdfast::net {
namespace {

using std::chrono::milliseconds;

// Writes a key and a certificate for it, signed by itself.
void WriteCertificate(const std::filesystem::path& certificate, const std::filesystem::path& key) {
  EVP_PKEY* const pair = EVP_EC_gen("P-256");
  X509* const x509 = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
  X509_gmtime_adj(X509_getm_notBefore(x509), 0);
  X509_gmtime_adj(X509_getm_notAfter(x509), 3'600);
  X509_set_pubkey(x509, pair);
  X509_sign(x509, pair, EVP_sha256());
  std::FILE* file = std::fopen(certificate.c_str(), "w");
  PEM_write_X509(file, x509);
  std::fclose(file);
  file = std::fopen(key.c_str(), "w");
  PEM_write_PrivateKey(file, pair, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
  X509_free(x509);
  EVP_PKEY_free(pair);
}

// Gives every byte back, then says the end.
Awaitable<void> Echo(Accepted accepted) {
  std::string bytes;
  while (true) {
    bytes.clear();
    const Result<std::size_t> count = co_await accepted.stream->AppendSome(bytes, 100'000);
    if (!count || *count == 0) break;
    const Result<void> written = co_await accepted.stream->WriteAll(bytes);
    if (!written) break;
  }
  co_await accepted.stream->FinishWrites();
}

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() {
    const auto folder = std::filesystem::temp_directory_path();
    const std::string name = "holdfast-tls-test-" + std::to_string(::getpid());
    WriteCertificate(folder / (name + ".crt"), folder / (name + ".key"));
    auto context = TlsContext::Open(folder / (name + ".crt"), folder / (name + ".key"));
    EXPECT_TRUE(context) << context.error().message;
    context_ = std::move(*context);
    std::filesystem::remove(folder / (name + ".crt"));
    std::filesystem::remove(folder / (name + ".key"));
  }
  ~TlsTest() override {
    listener_.reset();
    threads_.Stop();
  }

  void Listen(ListenerOptions options) {
    options.tls = context_.get();
    auto listener =
        Listener::Open(*ParseEndpoint("127.0.0.1:0"), threads_, quota_, std::move(options), Echo);
    ASSERT_TRUE(listener) << listener.error().message;
    listener_ = std::move(*listener);
  }

  int Connect() const {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(listener_->endpoint().port);
    ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    EXPECT_EQ(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return socket;
  }

  std::unique_ptr<const TlsContext> context_;
  std::shared_ptr<ConnectionQuota> quota_ = ConnectionQuota::Make({});
  IoThreads threads_{1};
  std::unique_ptr<Listener> listener_;
};

TEST_F(TlsTest, CarriesBytesBothWaysToTheEnd) {
  Listen({});
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  SSL* const ssl = SSL_new(context);
  const int socket = Connect();
  SSL_set_fd(ssl, socket);
  ASSERT_EQ(SSL_connect(ssl), 1);
  std::string back;
  for (const std::size_t size : {1u, 16'384u, 100'000u}) {
    const std::string bytes(size, 'b');
    ASSERT_EQ(SSL_write(ssl, bytes.data(), static_cast<int>(size)), static_cast<int>(size));
    back.assign(size, '\0');
    for (std::size_t have = 0; have < size;) {
      const int count = SSL_read(ssl, back.data() + have, static_cast<int>(size - have));
      ASSERT_GT(count, 0);
      have += static_cast<std::size_t>(count);
    }
    EXPECT_EQ(back, bytes);
  }
  SSL_shutdown(ssl);
  char byte = 0;
  EXPECT_EQ(SSL_read(ssl, &byte, 1), 0);
  EXPECT_EQ(SSL_get_error(ssl, 0), SSL_ERROR_ZERO_RETURN) << "the end is said, not cut off";
  SSL_free(ssl);
  SSL_CTX_free(context);
  ::close(socket);
}

TEST_F(TlsTest, TellsOfAHandshakeThatDoesNotEnd) {
  std::promise<Address> failed;
  ListenerOptions options;
  options.handshake_max = milliseconds(20);
  options.on_handshake_failed = [&](const Address& peer, TimePoint) { failed.set_value(peer); };
  Listen(std::move(options));
  const int silent = Connect();
  EXPECT_TRUE(failed.get_future().get().is_loopback());
  ::close(silent);
}

TEST_F(TlsTest, TellsOfAPeerThatSpeaksNoTls) {
  std::promise<Address> failed;
  ListenerOptions options;
  options.on_handshake_failed = [&](const Address& peer, TimePoint) { failed.set_value(peer); };
  Listen(std::move(options));
  const int plain = Connect();
  const std::string_view request = "GET / HTTP/1.1\r\n\r\n";
  ::send(plain, request.data(), request.size(), MSG_NOSIGNAL);
  EXPECT_TRUE(failed.get_future().get().is_loopback());
  ::close(plain);
}

}  // namespace
}  // namespace holdfast::net
