// The rates of new connections over real sockets: who is closed at once, what it is told, what is
// counted, and that nobody else notices.
#include "server/connection_guard.h"

#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/client.h"
#include "net/io_threads.h"
#include "net/self_signed.h"
#include "net/tls.h"
#include "net/tls_client.h"
#include "server/http_settings.h"

namespace holdfast::server {
namespace {

constexpr std::chrono::seconds kPatience{60};
constexpr int kConnectionsMax = 8;
constexpr int kHandshakesMax = 4;

// A connection that says nothing by itself.
class Peer {
 public:
  Peer(const net::Endpoint& endpoint, const char* from)
      : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    ::inet_pton(AF_INET, from, &address.sin_addr);
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    address.sin_port = htons(endpoint.port);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  ~Peer() { ::close(socket_); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void Send(std::string_view bytes) const {
    ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  // Until the server closes.
  std::string Read() const {
    std::string text;
    char bytes[4096];
    while (true) {
      const ssize_t count = ::recv(socket_, bytes, sizeof(bytes), 0);
      if (count <= 0) return text;
      text.append(bytes, static_cast<std::size_t>(count));
    }
  }

 private:
  const int socket_;
};

class ConnectionGuardTest : public ::testing::Test {
 protected:
  ~ConnectionGuardTest() override {
    callers_.Stop();
    if (server_ != nullptr) server_->Drain(std::chrono::milliseconds(0));
    threads_.Stop();
    std::filesystem::remove_all(folder_);
  }

  static guard::DoorOptions Options() {
    guard::DoorOptions options;
    options.limits = guard::ServiceLimits();
    options.limits.connections = {1e-3, kConnectionsMax};
    options.limits.handshakes = {1e-3, kHandshakesMax};
    options.enforces_likeness = false;
    return options;
  }

  // The certificate of one that speaks TLS.
  std::filesystem::path OpenTls() {
    char pattern[] = "/tmp/holdfast-connections-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    const auto files = net::WriteSelfSigned(folder_, {}, std::time(nullptr));
    EXPECT_TRUE(files);
    auto context = net::TlsContext::Open(files->certificate, files->key);
    EXPECT_TRUE(context);
    tls_ = std::move(*context);
    return files->certificate;
  }

  net::Endpoint Listen(std::vector<net::Network> trusted_proxies = {}) {
    http::ServerOptions options = MakeServerOptions(HttpConfig{}, net::ConnectionLimits{});
    options.tls = tls_.get();
    options.trusted_proxies = std::move(trusted_proxies);
    PutGuardAt(options, door_, hasher_, settlement_, book_);
    server_ = std::make_unique<http::Server>(
        threads_, std::move(options), Answer,
        [](http::Exchange& exchange, const http::Refusal&) { return Answer(exchange); });
    EXPECT_TRUE(server_->Listen(*net::ParseEndpoint("127.0.0.1:0")));
    return server_->endpoints().front();
  }
  static net::Awaitable<void> Answer(http::Exchange& exchange) {
    const http::ResponseHead head;
    co_await exchange.Send(head, "served");
  }

  static net::Awaitable<void> Ask(net::Endpoint endpoint, const net::TlsClient& tls,
                                  std::promise<int>& status) {
    const net::TimePoint deadline = net::Clock::now() + kPatience;
    auto stream = co_await net::Dial(endpoint, {.deadline = deadline, .tls = &tls});
    http::ClientCall call;
    http::ClientRequest request;
    request.target = "/";
    request.host = "localhost";
    const bool has_answer =
        stream && (co_await call.StartOn(std::move(*stream), request, deadline)).has_value();
    status.set_value(has_answer ? call.head().status : 0);
  }

  double Refused() const {
    const std::string text = registry_.ExposeText();
    const std::string series = "\nholdfast_refusals_total{reason=\"your_rate\"} ";
    const std::size_t at = text.find(series);
    return at == std::string::npos ? 0 : std::stod(text.substr(at + series.size()));
  }
  void WaitForRefused(double count) const {
    const net::TimePoint deadline = net::Clock::now() + kPatience;
    while (Refused() < count && net::Clock::now() < deadline) std::this_thread::yield();
    EXPECT_EQ(Refused(), count);
    EXPECT_EQ(static_cast<double>(door_.counters().edge_refused), count);
  }

  std::filesystem::path folder_;
  std::unique_ptr<const net::TlsContext> tls_;
  metrics::Registry registry_;
  const crypto::HashKey key_ = crypto::HashKey::Random();
  const CallerHasher hasher_{key_};
  LiveDoor door_{guard::Door(Options()), [] { return guard::EngineReport{}; }, registry_};
  Settlement settlement_{{}, registry_};
  AddressBook book_{{}};
  net::IoThreads threads_{2};
  net::IoThreads callers_{1};
  std::unique_ptr<http::Server> server_;
};

constexpr std::string_view kRequest =
    "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

TEST_F(ConnectionGuardTest, AnAddressOverItsRateOfConnectionsIsToldSoUnread) {
  const net::Endpoint endpoint = Listen();
  for (int i = 0; i < 2 * kConnectionsMax; ++i) {
    const Peer peer(endpoint, "127.0.0.2");
    peer.Send(kRequest);
    const std::string answer = peer.Read();
    if (i < kConnectionsMax) {
      EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
    } else {
      EXPECT_TRUE(answer.starts_with("HTTP/1.1 429 ")) << answer;
      EXPECT_NE(answer.find("\"reason\":\"your_rate\""), std::string::npos);
      EXPECT_NE(answer.find("\r\nretry-after-ms: "), std::string::npos);
    }
  }
  const Peer other(endpoint, "127.0.0.3");
  other.Send(kRequest);
  EXPECT_TRUE(other.Read().starts_with("HTTP/1.1 200 "));
  WaitForRefused(kConnectionsMax);
}

// A flood that never ends its handshakes: a few are begun, and the others have theirs as before.
TEST_F(ConnectionGuardTest, AFloodOfHandshakesFromOneAddressIsClosedBeforeTls) {
  constexpr int kFlood = 50;
  const std::filesystem::path certificate = OpenTls();
  const net::Endpoint endpoint = Listen();
  int closed = 0;
  std::vector<std::unique_ptr<Peer>> begun;
  for (int i = 0; i < kFlood; ++i) {
    auto peer = std::make_unique<Peer>(endpoint, "127.0.0.2");
    if (i < kHandshakesMax) {
      begun.push_back(std::move(peer));
    } else {
      closed += peer->Read().empty() ? 1 : 0;
    }
  }
  EXPECT_EQ(closed, kFlood - kHandshakesMax);
  EXPECT_EQ(server_->connection_count(), static_cast<std::size_t>(kHandshakesMax));
  WaitForRefused(kFlood - kHandshakesMax);

  const auto tls = net::TlsClient::Open({.ca_file = certificate, .server_name = "127.0.0.1"});
  ASSERT_TRUE(tls);
  for (int i = 0; i < kHandshakesMax; ++i) {
    std::promise<int> status;
    callers_.Spawn(0, Ask(endpoint, **tls, status));
    EXPECT_EQ(status.get_future().get(), 200);
  }
  EXPECT_EQ(Refused(), kFlood - kHandshakesMax);
}

TEST_F(ConnectionGuardTest, AProxyIsNotLimitedAndWhomItNamesIs) {
  const net::Endpoint endpoint = Listen({*net::Network::Parse("127.0.0.4")});
  const auto ask = [&](std::string_view header) {
    const Peer proxy(endpoint, "127.0.0.4");
    proxy.Send(std::string(header) + std::string(kRequest));
    return proxy.Read();
  };
  for (int i = 0; i < 3 * kConnectionsMax; ++i) {
    EXPECT_TRUE(ask("").starts_with("HTTP/1.1 200 ")) << "the proxy's own";
  }
  constexpr std::string_view kClient = "PROXY TCP4 192.0.2.7 127.0.0.1 1234 80\r\n";
  for (int i = 0; i < kConnectionsMax; ++i) {
    EXPECT_TRUE(ask(kClient).starts_with("HTTP/1.1 200 "));
  }
  EXPECT_TRUE(ask(kClient).starts_with("HTTP/1.1 429 "));
  EXPECT_TRUE(ask("PROXY TCP4 192.0.2.8 127.0.0.1 1234 80\r\n").starts_with("HTTP/1.1 200 "));
  WaitForRefused(1);
}

}  // namespace
}  // namespace holdfast::server
