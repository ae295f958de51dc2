// Who comes in, over real sockets: the gate, the quota and the PROXY protocol, before a request.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/server.h"
#include "net/event.h"

namespace holdfast::http {
namespace {

using std::chrono::milliseconds;
using namespace std::string_literals;

// A plain client: blocking, with a limit on each wait.
class RawClient {
 public:
  RawClient() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {}
  explicit RawClient(const net::Endpoint& endpoint, const char* from = "127.0.0.1") : RawClient() {
    Connect(endpoint, from);
  }
  void Connect(const net::Endpoint& endpoint, const char* from = "127.0.0.1") {
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

  int socket() const { return socket_; }
  void Send(std::string_view bytes) {
    EXPECT_EQ(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL), std::ssize(bytes));
  }
  void TrySend(std::string_view bytes) {
    ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
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
        threads_, std::move(options), [this](Exchange& exchange) { return Answer(exchange); },
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

  // /wait answers when its client leaves, and /long too if there is a place for it; /throw throws;
  // /body reads a body; /much writes without end.
  net::Awaitable<void> Answer(Exchange& exchange) {
    const ResponseHead head;
    const RequestHead& asked = exchange.head();
    const std::string body = fmt::format("peer {}, host {}, path {}\n.\n",
                                         exchange.facts().peer.ToString(), asked.host, asked.path);
    if (asked.path == "/throw") throw std::bad_alloc();
    if (asked.path == "/long" && !exchange.BeginLongAnswer()) {
      const Refusal full{503, "no place", Reason::kConnectionsFull};
      co_await Refuse(exchange, full);
      co_return;
    }
    if (asked.path == "/wait" || asked.path == "/long") {
      ++waiting_;
      net::Event left(exchange.executor());
      const auto listener = exchange.stop().OnStop([&left] { left.Notify(); });
      co_await left.Wait(net::kNoDeadline);
      --waiting_;
      co_return;
    }
    if (asked.path == "/body") {
      const auto read = co_await exchange.ReadBody(body_limits_);
      if (!read) {
        co_await Refuse(exchange, read.error());
        co_return;
      }
    }
    if (asked.path == "/much") {
      const std::string much(8 << 20, 'm');
      co_await exchange.Send(head, much);
      co_return;
    }
    co_await exchange.Send(head, body);
  }
  static net::Awaitable<void> Refuse(Exchange& exchange, const Refusal& refusal) {
    ResponseHead head;
    head.status = refusal.status;
    if (refusal.status == 0) co_return;
    const std::string body =
        refusal.message + (refusal.reason ? std::string(Word(*refusal.reason)) : "") + "\n.\n";
    co_await exchange.Send(head, body);
  }

  void AwaitWaiting(int count) const {
    while (waiting_ != count) std::this_thread::yield();
  }
  void OnEnd(ServerOptions& options) {
    options.on_connection_end = [this](const ConnectionEnd& end) {
      const std::lock_guard lock(mutex_);
      ends_.push_back(end);
    };
  }
  ConnectionEnd AwaitEnd() {
    while (true) {
      {
        const std::lock_guard lock(mutex_);
        if (!ends_.empty()) return ends_.front();
      }
      std::this_thread::yield();
    }
  }

  BodyLimits body_limits_{.bytes_max = 4 << 20};
  std::atomic<int> waiting_ = 0;
  std::mutex mutex_;
  std::vector<ConnectionEnd> ends_;
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

TEST_F(EdgeTest, AnIdleConnectionGivesWayToANewOne) {
  ServerOptions options;
  options.connections.total_max = 2;
  const net::Endpoint endpoint = Listen(std::move(options));
  RawClient waiting(endpoint);
  waiting.Send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
  AwaitWaiting(1);
  RawClient idle(endpoint);
  EXPECT_TRUE(Has(idle.Ask("/"), "peer"));
  // Its answer may be read a moment before it counts as idle.
  std::optional<RawClient> newcomer;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  do {
    newcomer.emplace(endpoint);
  } while (!Has(newcomer->Ask("/"), "peer") && std::chrono::steady_clock::now() < deadline);
  ASSERT_LT(std::chrono::steady_clock::now(), deadline);
  EXPECT_EQ(idle.Read(), "") << "closed";
  newcomer->Send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
  AwaitWaiting(2);
  EXPECT_TRUE(Has(RawClient(endpoint).Read(), "connections_full"));
  EXPECT_EQ(server_->gave_way_count(), 1u);
}

TEST_F(EdgeTest, ASlowConnectionGivesWayAndIsTold) {
  ServerOptions options;
  options.connections.total_max = 1;
  options.connections.fair_time = milliseconds(0);
  OnEnd(options);
  const net::Endpoint endpoint = Listen(std::move(options));
  RawClient slow(endpoint, "127.0.0.5");
  slow.Send("GET / HTTP");
  RawClient newcomer(endpoint);
  EXPECT_TRUE(Has(newcomer.Ask("/"), "peer"));
  const ConnectionEnd end = AwaitEnd();
  EXPECT_EQ(end.event, ConnectionEvent::kSlowHead);
  EXPECT_EQ(end.peer.ToString(), "127.0.0.5");
}

TEST_F(EdgeTest, LongAnswersLeavePlacesForPages) {
  ServerOptions options;
  options.connections.total_max = 3;
  options.connections.long_answers_max = 2;
  const net::Endpoint endpoint = Listen(std::move(options));
  RawClient first(endpoint);
  RawClient second(endpoint);
  for (RawClient* const client : {&first, &second}) {
    client->Send("GET /long HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  AwaitWaiting(2);
  RawClient third(endpoint);
  EXPECT_TRUE(Has(third.Ask("/long"), "connections_full"));
  EXPECT_TRUE(Has(third.Ask("/page"), "peer"));
  RawClient page(endpoint);
  EXPECT_TRUE(Has(page.Ask("/page"), "peer"));
}

TEST_F(EdgeTest, TellsOfConnectionsThatWasteTheirPlace) {
  struct Case {
    const char* sent;
    ConnectionEvent event;
  };
  for (const Case& c :
       {Case{"", ConnectionEvent::kHandshakeOnly}, Case{"GET / HT", ConnectionEvent::kSlowHead},
        Case{"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf",
             ConnectionEvent::kSlowBody},
        Case{"GET /much HTTP/1.1\r\nHost: a\r\n\r\n", ConnectionEvent::kSlowRead}}) {
    ServerOptions options;
    options.head.idle_time_max = milliseconds(20);
    options.head.head_time_max = milliseconds(20);
    options.connection.write_stall_max = milliseconds(20);
    body_limits_.time_max = milliseconds(20);
    OnEnd(options);
    ends_.clear();
    const net::Endpoint endpoint = Listen(std::move(options));
    {
      RawClient client(endpoint, "127.0.0.6");
      client.Send(c.sent);
      const ConnectionEnd end = AwaitEnd();
      EXPECT_EQ(end.event, c.event) << c.sent;
      EXPECT_EQ(end.peer.ToString(), "127.0.0.6");
      EXPECT_GE(end.held, milliseconds(20));
    }
    WaitUntilEmpty();
    server_->Drain(milliseconds(0));
  }
}

TEST_F(EdgeTest, TellsNothingOfOrdinaryConnections) {
  ServerOptions options;
  OnEnd(options);
  const net::Endpoint endpoint = Listen(std::move(options));
  EXPECT_TRUE(Has(RawClient(endpoint).Ask("/"), "peer"));
  EXPECT_TRUE(Has(RawClient(endpoint).Ask("http:"), "must begin"));
  WaitUntilEmpty();
  EXPECT_TRUE(ends_.empty());
}

TEST_F(EdgeTest, APeerThatLeavesMoreThanIsReadAheadIsMissed) {
  const net::Endpoint endpoint = Listen({});
  {
    RawClient client(endpoint);
    client.Send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    AwaitWaiting(1);
    client.TrySend(std::string(200 << 10, 'j'));
  }
  AwaitWaiting(0);
}

TEST_F(EdgeTest, AnExceptionEndsItsConnectionOnly) {
  const net::Endpoint endpoint = Listen({});
  RawClient other(endpoint);
  EXPECT_TRUE(Has(other.Ask("/"), "peer"));
  RawClient client(endpoint);
  client.Send("GET /throw HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.Read(), "");
  EXPECT_TRUE(Has(other.Ask("/"), "peer"));
  EXPECT_EQ(server_->Drain(milliseconds(10'000)), 0u);
}

TEST_F(EdgeTest, AHeadMayBeAsLargeAsItsLimit) {
  ServerOptions options;
  options.head.head_bytes_max = 256 << 10;
  options.head.head_time_max = milliseconds(5'000);
  const net::Endpoint endpoint = Listen(std::move(options));
  const auto ask = [&](int fields, std::size_t bytes) {
    RawClient client(endpoint);
    std::string request = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (int i = 0; i < fields; ++i) request += "x: " + std::string(bytes, 'y') + "\r\n";
    client.Send(request + "\r\n");
    return client.Read("\n.\n").substr(0, 12);
  };
  EXPECT_EQ(ask(4, 60 << 10), "HTTP/1.1 200");
  EXPECT_EQ(ask(5, 60 << 10), "HTTP/1.1 431");
  EXPECT_EQ(ask(1, 70 << 10), "HTTP/1.1 431") << "one field has a limit of its own";
}

TEST_F(EdgeTest, ABodyComesAtALeastRateOrIsRefused) {
  body_limits_.time_max = milliseconds(600'000);
  body_limits_.slow_time_max = milliseconds(20);
  const net::Endpoint endpoint = Listen({});
  const std::string head = "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n";
  RawClient slow(endpoint);
  slow.Send(head + "1234");
  const std::string answer = slow.Read();
  EXPECT_TRUE(Has(answer, "HTTP/1.1 408"));
  EXPECT_TRUE(Has(answer, "slower than 1024 bytes a second"));
  RawClient quick(endpoint);
  quick.Send(head + std::string(4'000, 'b'));
  EXPECT_TRUE(Has(quick.Read("\n.\n"), "peer"));
}

TEST_F(EdgeTest, ADeclaredBodyCostsNothingUntilItComes) {
  ServerOptions options;
  options.bodies = net::ByteBudget::Make({.bytes_max = 8 << 20, .reserve_bytes = 4 << 20});
  const auto bodies = options.bodies;
  const net::Endpoint endpoint = Listen(std::move(options));
  std::vector<std::unique_ptr<RawClient>> clients;
  const std::string head = "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n";
  for (int i = 0; i < 50; ++i) {
    clients.push_back(std::make_unique<RawClient>(endpoint));
    clients.back()->Send(head + "1234");
  }
  RawClient whole(endpoint);
  whole.Send(head + std::string(4'000'000, 'b'));
  EXPECT_TRUE(Has(whole.Read("\n.\n"), "peer"));
  while (bodies->used_bytes() >= 1u << 20) std::this_thread::yield();
}

TEST_F(EdgeTest, BodiesTogetherStayWithinTheirBudget) {
  constexpr std::size_t kBudget = 8 << 20;
  ServerOptions options;
  options.bodies = net::ByteBudget::Make({.bytes_max = kBudget, .reserve_bytes = 2 << 20});
  const auto bodies = options.bodies;
  body_limits_.room_time_max = milliseconds(60'000);
  const net::Endpoint endpoint = Listen(std::move(options));
  const std::string request = "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" +
                              std::string(1'000'000, 'b');
  std::vector<std::thread> clients;
  std::atomic<int> served = 0;
  std::atomic<bool> is_done = false;
  std::size_t most = 0;
  std::thread watch([&] {
    while (!is_done) most = std::max(most, bodies->used_bytes());
  });
  for (int i = 0; i < 32; ++i) {
    clients.emplace_back([&] {
      RawClient client(endpoint);
      client.Send(request);
      served += Has(client.Read("\n.\n"), "peer") ? 1 : 0;
    });
  }
  for (std::thread& client : clients) client.join();
  is_done = true;
  watch.join();
  EXPECT_EQ(served, 32);
  EXPECT_LE(most, kBudget);
  WaitUntilEmpty();
  EXPECT_EQ(bodies->used_bytes(), 0u);
}

TEST_F(EdgeTest, ABodyThatFindsNoRoomInTimeIsRefused) {
  ServerOptions options;
  options.bodies = net::ByteBudget::Make({.bytes_max = 1 << 20, .reserve_bytes = 0});
  body_limits_.room_time_max = milliseconds(20);
  const net::Endpoint endpoint = Listen(std::move(options));
  RawClient client(endpoint);
  client.Send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n" +
              std::string(3'000'000, 'b'));
  const std::string answer = client.Read();
  EXPECT_TRUE(Has(answer, "HTTP/1.1 503")) << answer;
  EXPECT_TRUE(Has(answer, "bodies_full")) << answer;
}

TEST_F(EdgeTest, ARefusalIsReadByAClientThatIsStillSending) {
  const net::Endpoint endpoint = Listen({});
  for (const bool is_chunked : {false, true}) {
    const std::string body(20'000'000, 'b');
    RawClient client(endpoint);
    client.Send("POST /body HTTP/1.1\r\nHost: a\r\n" +
                (is_chunked ? "Transfer-Encoding: chunked\r\n\r\n1312d00\r\n"
                            : fmt::format("Content-Length: {}\r\n\r\n", body.size())));
    client.Send(body);
    EXPECT_TRUE(client.Read().starts_with("HTTP/1.1 413"));
  }
}

TEST_F(EdgeTest, WithoutAFileLeftANewcomerIsRefusedAndNotLeftWaiting) {
  const net::Endpoint endpoint = Listen({});
  RawClient served(endpoint);
  EXPECT_TRUE(Has(served.Ask("/"), "peer"));
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  RawClient newcomer;
  rlimit none = before;
  std::vector<int> files;
  none.rlim_cur = static_cast<rlim_t>(newcomer.socket() + 1);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  for (int file = ::dup(0); file >= 0; file = ::dup(0)) files.push_back(file);
  newcomer.Connect(endpoint);
  EXPECT_TRUE(Has(newcomer.Read(), "connections_full"));
  for (const int file : files) ::close(file);
  ::setrlimit(RLIMIT_NOFILE, &before);
  RawClient later(endpoint);
  EXPECT_TRUE(Has(later.Ask("/"), "peer"));
}

TEST_F(EdgeTest, AWaitingClientHoldsLittleMemory) {
  const net::Endpoint endpoint = Listen([] {
    ServerOptions options;
    options.connections.per_address_max = 1'000;
    return options;
  }());
  constexpr int kClients = 200;
  std::vector<std::unique_ptr<RawClient>> clients;
  const auto connect = [&] {
    clients.push_back(std::make_unique<RawClient>(endpoint));
    clients.back()->Send("GET /wait HTTP/1.1\r\nHost: a\r\nx: " + std::string(2'000, 'y') +
                         "\r\n\r\n");
  };
  for (int i = 0; i < 10; ++i) connect();
  AwaitWaiting(10);
  const std::size_t before = mallinfo2().uordblks;
  for (int i = 0; i < kClients; ++i) connect();
  AwaitWaiting(10 + kClients);
  const std::size_t each = (mallinfo2().uordblks - before) / kClients;
  RecordProperty("bytes_each", static_cast<int>(each));
  EXPECT_LT(each, 40u << 10);
}

TEST_F(EdgeTest, ABrokenProxyHeaderClosesTheConnection) {
  const net::Endpoint endpoint = Listen(BehindProxy());
  RawClient client(endpoint);
  client.Send("PROXY TCP9 nonsense\r\n" + std::string(kGet));
  EXPECT_EQ(client.Read(), "");
}

}  // namespace
}  // namespace holdfast::http
