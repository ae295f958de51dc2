// TLS as a client of OpenSSL sees it, over real sockets, with a certificate made here.
#include "net/tls.h"

#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <string>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/listener.h"
#include "net/self_signed.h"

namespace holdfast::net {
namespace {

using std::chrono::milliseconds;

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
    char pattern[] = "/tmp/holdfast-tls-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    files_ = Renew();
    auto context = TlsContext::Open(files_.certificate, files_.key);
    EXPECT_TRUE(context) << context.error().message;
    context_ = std::move(*context);
  }
  ~TlsTest() override {
    listener_.reset();
    threads_.Stop();
    std::filesystem::remove_all(folder_);
  }

  // A new pair of files in the place of those before.
  SelfSignedFiles Renew() {
    std::filesystem::remove(files_.certificate);
    std::filesystem::remove(files_.key);
    const auto files = WriteSelfSigned(folder_, {}, std::time(nullptr));
    EXPECT_TRUE(files) << files.error().message;
    return files.value_or(SelfSignedFiles{});
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

  std::filesystem::path folder_;
  SelfSignedFiles files_;
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

// A client with a TLS connection to the listener.
class TlsPeer {
 public:
  explicit TlsPeer(int socket) : socket_(socket) {
    SSL_set_fd(ssl_, socket);
    EXPECT_EQ(SSL_connect(ssl_), 1);
  }
  ~TlsPeer() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
    ::close(socket_);
  }
  TlsPeer(const TlsPeer&) = delete;
  TlsPeer& operator=(const TlsPeer&) = delete;

  // What tells one certificate from another.
  std::string Serial() const {
    X509* const certificate = SSL_get1_peer_certificate(ssl_);
    if (certificate == nullptr) return {};
    const ASN1_INTEGER* const serial = X509_get0_serialNumber(certificate);
    std::string bytes(reinterpret_cast<const char*>(serial->data),
                      static_cast<std::size_t>(serial->length));
    X509_free(certificate);
    return bytes;
  }
  bool Echoes() {
    char byte = 'e';
    return SSL_write(ssl_, &byte, 1) == 1 && SSL_read(ssl_, &byte, 1) == 1 && byte == 'e';
  }

 private:
  const int socket_;
  SSL_CTX* const context_ = SSL_CTX_new(TLS_client_method());
  SSL* const ssl_ = SSL_new(context_);
};

TEST_F(TlsTest, NewConnectionsGetARenewedCertificateAndOldOnesGoOn) {
  Listen({});
  TlsPeer before(Connect());
  EXPECT_EQ(TlsPeer(Connect()).Serial(), before.Serial());
  Renew();
  TlsPeer after(Connect());
  EXPECT_NE(after.Serial(), before.Serial());
  EXPECT_TRUE(before.Echoes());
  EXPECT_TRUE(after.Echoes());
}

TEST_F(TlsTest, KeepsItsCertificateUntilTheNewFilesAreSound) {
  Listen({});
  const std::string before = TlsPeer(Connect()).Serial();
  const std::filesystem::path& key = files_.key;
  const std::filesystem::path kept = folder_ / "kept";
  const struct {
    std::string_view name;
    std::function<void()> spoil;
  } cases[] = {
      {"the key is missing", [&] { std::filesystem::remove(key); }},
      {"the key is no key", [&] { std::ofstream(key) << "nonsense"; }},
      {"the certificate is of another key",
       [&] {
         std::filesystem::remove(key);
         std::filesystem::copy(kept, key);
       }},
      {"the certificate is cut off", [&] { std::filesystem::resize_file(files_.certificate, 99); }},
  };
  std::filesystem::copy(key, kept);
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    Renew();
    c.spoil();
    EXPECT_EQ(TlsPeer(Connect()).Serial(), before);
  }
  Renew();
  EXPECT_NE(TlsPeer(Connect()).Serial(), before);
}

// What a client speaks with the listener that knows no newer version, and these suites of TLS 1.2:
// version and suite, or why not.
std::string Speak(int socket, int version_max, const char* suites) {
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context, version_max);
  EXPECT_EQ(SSL_CTX_set_cipher_list(context, suites), 1) << suites;
  SSL* const ssl = SSL_new(context);
  SSL_set_fd(ssl, socket);
  ERR_clear_error();
  std::string spoken;
  if (SSL_connect(ssl) == 1) {
    spoken = std::string(SSL_get_version(ssl)) + " " + SSL_get_cipher_name(ssl);
  } else {
    spoken = ERR_reason_error_string(ERR_peek_error());
  }
  SSL_free(ssl);
  SSL_CTX_free(context);
  ::close(socket);
  return spoken;
}

TEST_F(TlsTest, SpeaksTls12And13WithForwardSecrecyAlone) {
  Listen({});
  constexpr const char* kAny = "ALL:@SECLEVEL=0";
  EXPECT_EQ(Speak(Connect(), TLS1_3_VERSION, kAny).substr(0, 7), "TLSv1.3");
  EXPECT_EQ(Speak(Connect(), TLS1_2_VERSION, kAny), "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384");
  EXPECT_EQ(Speak(Connect(), TLS1_2_VERSION,
                  "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384"),
            "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384")
      << "the stronger one, whatever the client likes better";
  for (const char* weak : {"ECDHE-ECDSA-AES256-SHA384", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"}) {
    EXPECT_EQ(Speak(Connect(), TLS1_2_VERSION, weak), "sslv3 alert handshake failure") << weak;
  }
  for (const int old : {TLS1_1_VERSION, TLS1_VERSION}) {
    EXPECT_EQ(Speak(Connect(), old, kAny), "tlsv1 alert protocol version") << old;
  }
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
