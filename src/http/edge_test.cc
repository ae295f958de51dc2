// Who comes in, over real sockets: the gate, the quota and the PROXY protocol, before a request.
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/server.h"

namespace holdfast::http {
namespace {

using std::chrono::milliseconds;
using namespace std::string_literals;

// A plain client: blocking, with a limit on each wait.
class RawClient {
 public:
  explicit RawClient(const net::Endpoint& endpoint, const char* from = "127.0.0.1") {
    socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
    timeval patience{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    ::inet_pton(AF_INET, from, &address.sin_addr);
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    address.sin_port = htons(endpoint.port);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  ~RawClient() { ::close(socket_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void Send(std::string_view bytes) {
    EXPECT_EQ(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL), std::ssize(bytes));
  }
  // What comes until the server closes, or until `end` has come.
  std::string Read(std::string_view end = {}) {
    std::string text;
    char bytes[4096];
    while (end.empty() || text.find(end) == std::string::npos) {
      const ssize_t count = ::recv(socket_, bytes, sizeof(bytes), 0);
      if (count <= 0) break;
      text.append(bytes, static_cast<std::size_t>(count));
    }
    return text;
  }
  // The answer to a request that names the path.
  std::string Ask(std::string_view path) {
    Send(fmt::format("GET {} HTTP/1.1\r\nHost: a\r\n\r\n", path));
    return Read("\n.\n");
  }

 private:
  int socket_;
};

// Every answer says whom the server sees, and ends in a line of one dot.
class EdgeTest : public ::testing::Test {
 protected:
  net::Endpoint Listen(ServerOptions options) {
    options.connection_refusal = [](Reason reason) {
      return fmt::format("HTTP/1.1 503 No\r\nConnection: close\r\n\r\n{}\n.\n", Word(reason));
    };
    server_ = std::make_unique<Server>(
        threads_, std::move(options), [](Exchange& exchange) { return Answer(exchange); },
        [](Exchange& exchange, const Refusal& refusal) { return Refuse(exchange, refusal); });
    EXPECT_TRUE(server_->Listen(*net::ParseEndpoint("127.0.0.1:0")));
    return server_->endpoints().back();
  }
  ~EdgeTest() override {
    if (server_ != nullptr) server_->Drain(milliseconds(0));
    threads_.Stop();
  }

  void WaitUntilEmpty() const {
    while (server_->connection_count() > 0) std::this_thread::yield();
  }

  static net::Awaitable<void> Answer(Exchange& exchange) {
    const ResponseHead head;
    const RequestHead& asked = exchange.head();
    const std::string body = fmt::format("peer {}, host {}, path {}\n.\n",
                                         exchange.facts().peer.ToString(), asked.host, asked.path);
    co_await exchange.Send(head, body);
  }
  static net::Awaitable<void> Refuse(Exchange& exchange, const Refusal& refusal) {
    ResponseHead head;
    head.status = refusal.status;
    const std::string body = refusal.message + "\n.\n";
    co_await exchange.Send(head, body);
  }

  net::IoThreads threads_{2};
  std::unique_ptr<Server> server_;
};

bool Has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::optional<Reason> NoLoopbackTwo(const net::Address& address) {
  if (address == *net::Address::Parse("127.0.0.2")) return Reason::kUnderAttack;
  return std::nullopt;
}

TEST_F(EdgeTest, TheGateRefusesAnAddressAndSaysWhy) {
  ServerOptions options;
  options.gate = NoLoopbackTwo;
  const net::Endpoint endpoint = Listen(std::move(options));
  EXPECT_TRUE(Has(RawClient(endpoint, "127.0.0.2").Read(), "under_attack"));
  RawClient other(endpoint, "127.0.0.3");
  EXPECT_TRUE(Has(other.Ask("/"), "peer 127.0.0.3"));
  EXPECT_EQ(server_->connection_count(), 1u) << "a refused one holds no place";
}

TEST_F(EdgeTest, ARequestUnderWayDoesNotHideTheRefusal) {
  ServerOptions options;
  options.gate = NoLoopbackTwo;
  const net::Endpoint endpoint = Listen(std::move(options));
  for (int i = 0; i < 20; ++i) {
    RawClient client(endpoint, "127.0.0.2");
    client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    EXPECT_TRUE(Has(client.Read(), "under_attack"));
  }
}

TEST_F(EdgeTest, OneAddressOverItsLimitIsRefused) {
  ServerOptions options;
  options.connections.per_address_max = 1;
  const net::Endpoint endpoint = Listen(std::move(options));
  RawClient first(endpoint);
  EXPECT_TRUE(Has(first.Ask("/"), "peer 127.0.0.1"));
  EXPECT_TRUE(Has(RawClient(endpoint).Read(), "your_concurrency"));
  EXPECT_TRUE(Has(RawClient(endpoint, "127.0.0.2").Ask("/"), "peer 127.0.0.2"));
}

ServerOptions BehindProxy() {
  ServerOptions options;
  options.trusted_proxies = {*net::Network::Parse("127.0.0.1")};
  options.connections.per_address_max = 1;
  options.gate = NoLoopbackTwo;
  return options;
}

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string kBinaryHeader =
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\x7f\0\0\x01\0\x50\0\x50"s;

TEST_F(EdgeTest, ATrustedProxyNamesItsClient) {
  const net::Endpoint endpoint = Listen(BehindProxy());
  const std::pair<std::string, const char*> cases[] = {
      {"PROXY TCP4 192.0.2.7 127.0.0.1 80 80\r\n", "peer 192.0.2.7"},
      {"PROXY TCP6 2001:db8::7 ::1 80 80\r\n", "peer 2001:db8::7"},
      {"PROXY UNKNOWN\r\n", "peer 127.0.0.1"},
      {kBinaryHeader, "peer 192.0.2.7"},
      {"", "peer 127.0.0.1"},
  };
  for (const auto& [header, peer] : cases) {
    {
      RawClient client(endpoint);
      client.Send(header + std::string(kGet));
      EXPECT_TRUE(Has(client.Read("\n.\n"), peer)) << header;
      EXPECT_TRUE(Has(client.Ask("/"), peer)) << header;
    }
    WaitUntilEmpty();
  }
}

TEST_F(EdgeTest, AHeaderInPiecesIsRead) {
  const net::Endpoint endpoint = Listen(BehindProxy());
  RawClient client(endpoint);
  for (const char c : kBinaryHeader) client.Send(std::string_view(&c, 1));
  client.Send(kGet);
  EXPECT_TRUE(Has(client.Read("\n.\n"), "peer 192.0.2.7"));
}

TEST_F(EdgeTest, GateAndQuotaApplyToTheProxysClient) {
  const net::Endpoint endpoint = Listen(BehindProxy());
  RawClient refused(endpoint);
  refused.Send("PROXY TCP4 127.0.0.2 127.0.0.1 80 80\r\n");
  EXPECT_TRUE(Has(refused.Read(), "under_attack"));

  const std::string header = "PROXY TCP4 192.0.2.7 127.0.0.1 80 80\r\n";
  RawClient first(endpoint);
  first.Send(header + std::string(kGet));
  EXPECT_TRUE(Has(first.Read("\n.\n"), "peer 192.0.2.7"));
  RawClient second(endpoint);
  second.Send(header);
  EXPECT_TRUE(Has(second.Read(), "your_concurrency"));
  // The proxy itself may have any number.
  RawClient third(endpoint);
  RawClient fourth(endpoint);
  EXPECT_TRUE(Has(third.Ask("/"), "peer 127.0.0.1"));
  EXPECT_TRUE(Has(fourth.Ask("/"), "peer 127.0.0.1"));
}

TEST_F(EdgeTest, NobodyElseIsBelievedAProxyHeader) {
  const net::Endpoint endpoint = Listen(BehindProxy());
  for (const std::string& header : {"PROXY TCP4 192.0.2.7 127.0.0.1 80 80\r\n"s, kBinaryHeader}) {
    {
      RawClient client(endpoint, "127.0.0.9");
      client.Send(header + std::string(kGet));
      const std::string answer = client.Read();
      EXPECT_TRUE(answer.starts_with("HTTP/1.1 400")) << answer;
      EXPECT_FALSE(Has(answer, "peer 192")) << answer;
    }
    WaitUntilEmpty();
  }
}

TEST_F(EdgeTest, TheHostIsTheTargetsWhenItNamesOne) {
  const net::Endpoint endpoint = Listen({});
  const std::pair<const char*, const char*> cases[] = {
      {"/a%2Fb?c", "host field.example, path /a%2Fb\n"},
      {"http://target.example:80/a", "host target.example:80, path /a\n"},
      {"https://target.example", "host target.example, path /\n"},
      {"http://target.example?q", "400"},
      {"http:///a", "host , path /a\n"},
  };
  for (const auto& [target, answer] : cases) {
    RawClient client(endpoint);
    client.Send(fmt::format("GET {} HTTP/1.1\r\nHost: field.example\r\n\r\n", target));
    EXPECT_TRUE(Has(client.Read("\n.\n"), answer)) << target;
  }
}

TEST_F(EdgeTest, ABrokenProxyHeaderClosesTheConnection) {
  const net::Endpoint endpoint = Listen(BehindProxy());
  RawClient client(endpoint);
  client.Send("PROXY TCP9 nonsense\r\n" + std::string(kGet));
  EXPECT_EQ(client.Read(), "");
}

}  // namespace
}  // namespace holdfast::http
