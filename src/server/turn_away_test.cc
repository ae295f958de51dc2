// Who is refused by the head of a request alone, over real sockets and with real accounts: that it
// is told what it would be told later, that nobody else is refused, and what becomes of the body
// and of the connection.
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "accounts/api_keys.h"
#include "accounts/people.h"
#include "http/server.h"
#include "net/event.h"
#include "net/io_threads.h"
#include "server/gateway_pipeline.h"
#include "server/wall_clock.h"

namespace holdfast::server {
namespace {

constexpr std::chrono::seconds kPatience{60};
// What a stranger's address may ask before it is over its rate.
constexpr int kStrangersMayAsk = 2;
// And after so many refusals it is told that it ignores them.
constexpr int kRefusalsBeforeTold = 40;
constexpr std::string_view kPath = "/ask";
constexpr std::string_view kPathOfLong = "/long";
constexpr const char* kProxy = "127.0.0.2";

class ServedCall final : public api::Call {
 public:
  net::Awaitable<api::ApiResult<void>> Run(api::Reply& reply, api::Progress& progress) override {
    progress.OnTokens(1);
    co_return co_await reply.SendJsonText("{}");
  }
};

// Answers nothing until it is stopped.
class LongCall final : public api::Call {
 public:
  net::Awaitable<api::ApiResult<void>> Run(api::Reply& reply, api::Progress&) override {
    net::Event event(reply.exchange().executor());
    const net::StopSource::Listener stopped = reply.stop().OnStop([&event] { event.Notify(); });
    while (!reply.stop().is_stopped()) co_await event.Wait(net::kNoDeadline);
    co_return std::unexpected(api::ToApiError(reply.stop().reason()));
  }
};

struct Answer {
  int status = 0;
  std::string head;
  std::string body;

  json::Object error() const { return json::Parse(body)->at("error").as_object(); }
  bool closes() const { return head.find("Connection: close\r\n") != std::string::npos; }
};

// A plain client: blocking, with a limit on each wait.
class RawClient {
 public:
  explicit RawClient(const net::Endpoint& endpoint, const char* from = "127.0.0.1")
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
  ~RawClient() { ::close(socket_); }
  RawClient(RawClient&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)), input_(std::move(other.input_)) {}
  RawClient& operator=(RawClient&& other) noexcept {
    std::swap(socket_, other.socket_);
    std::swap(input_, other.input_);
    return *this;
  }

  void Send(std::string_view bytes) {
    EXPECT_EQ(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL), std::ssize(bytes));
  }
  // Status 0: the server closed instead.
  Answer Read() {
    Answer answer;
    std::size_t head_end = std::string::npos;
    while ((head_end = input_.find("\r\n\r\n")) == std::string::npos) {
      if (!ReadSome()) return answer;
    }
    answer.head = input_.substr(0, head_end + 2);
    answer.status = std::stoi(answer.head.substr(answer.head.find(' ')));
    const std::size_t at = answer.head.find("Content-Length: ");
    const std::size_t length = std::stoul(answer.head.substr(at + 16));
    while (input_.size() < head_end + 4 + length) {
      if (!ReadSome()) return {};
    }
    answer.body = input_.substr(head_end + 4, length);
    input_.erase(0, head_end + 4 + length);
    return answer;
  }
  // One read takes all that has come.
  bool ReadSome() {
    char bytes[65'536];
    const ssize_t count = ::recv(socket_, bytes, sizeof(bytes), 0);
    if (count <= 0) return false;
    input_.append(bytes, static_cast<std::size_t>(count));
    return true;
  }
  const std::string& input() const { return input_; }
  bool IsClosed() { return input_.empty() && !ReadSome() && input_.empty(); }

 private:
  int socket_;
  std::string input_;
};

std::string HeadOf(std::string_view path, std::string_view headers) {
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{}\r\n", path,
      headers);
}
std::string RequestOf(std::string_view headers = {}, std::string_view path = kPath) {
  return HeadOf(path, fmt::format("Content-Length: 2\r\n{}", headers)) + "{}";
}

// What the journal would have a row of.
class RefusedRows final : public DoorObserver {
 public:
  void OnAsked(const guard::RequestFacts&, const guard::Door::Word& word) override {
    if (word.what == guard::Door::Word::kRefuse) ++count_;
  }
  void OnDecided(const guard::Door::Expired&, guard::Time) override {}
  void OnFirstToken(guard::DoorId, guard::Time) override {}
  void OnEnded(guard::DoorId, const guard::OutcomeFacts&) override {}
  void OnConnection(const guard::ConnectionFacts&) override {}
  void OnEngineReport(const guard::EngineReport&, const guard::DoorCounters&,
                      guard::Time) override {}
  void OnRestriction(const guard::RestrictionRecord&) override {}
  void OnRegistration(const guard::RegistrationChange&) override {}
  void OnRung(guard::Rung, const guard::DoorCounters&, guard::Time) override {}

  int count() const { return count_; }

 private:
  std::atomic<int> count_ = 0;
};

class TurnAwayTest : public ::testing::Test {
 protected:
  TurnAwayTest() {
    pipeline_ = std::make_unique<GatewayPipeline>(table_, *door_, hasher_, settlement_,
                                                  office_.get(), authenticator_.get(), Rules());
    server_ = std::make_unique<http::Server>(
        threads_, http::ServerOptions{},
        [this](http::Exchange& exchange) { return pipeline_->Serve(exchange); },
        [this](http::Exchange& exchange, const http::Refusal& refusal) {
          return pipeline_->Refuse(exchange, refusal);
        });
    EXPECT_TRUE(server_->Listen(*net::ParseEndpoint("127.0.0.1:0")));
    threads_.Spawn(0, door_->Run());
  }
  ~TurnAwayTest() override {
    server_->Drain(std::chrono::milliseconds(0));
    office_->Stop();
    threads_.Stop();
    std::filesystem::remove_all(folder_);
  }

  static std::filesystem::path MakeFolder() {
    char pattern[] = "/tmp/holdfast-turn-away-XXXXXX";
    return ::mkdtemp(pattern);
  }
  std::unique_ptr<AccountOffice> OpenOffice() const {
    Config config;
    config.accounts.password_ms = 1;
    auto office = AccountOffice::Open(config, folder_, key_);
    EXPECT_TRUE(office) << office.error().message;
    return office ? std::move(*office) : nullptr;
  }
  std::string MakeKey() const {
    accounts::People people(office_->database());
    const auto person = people.Create({.name = "ada", .email = {}, .password_hash = "h"}, 1);
    accounts::ApiKeys keys(office_->database());
    const auto made = keys.Make(person->id, {.name = "key", .scope = {}, .expires_at = {}}, 1);
    EXPECT_TRUE(made);
    return std::string(made->key.Reveal());
  }

  static std::vector<api::Endpoint> Endpoints() {
    std::vector<api::Endpoint> endpoints(2);
    for (api::Endpoint& endpoint : endpoints) {
      endpoint.method = http::Method::kPost;
      endpoint.access = api::Access::kAnswer;
      endpoint.kind = guard::Route::kApi;
      endpoint.body_bytes_max = 1 << 20;
    }
    endpoints[0].pattern = kPath;
    endpoints[0].parse = [](const api::Context&,
                            std::string) -> api::ApiResult<std::unique_ptr<api::Call>> {
      return std::make_unique<ServedCall>();
    };
    endpoints[1].pattern = kPathOfLong;
    endpoints[1].parse = [](const api::Context&,
                            std::string) -> api::ApiResult<std::unique_ptr<api::Call>> {
      return std::make_unique<LongCall>();
    };
    return endpoints;
  }
  static GatewayRules Rules() {
    GatewayRules rules;
    rules.headers = {{"X-Of-Every-Answer", "yes"}};
    rules.trusted_proxies = {*net::Network::Parse(kProxy)};
    rules.cors.origins = {"https://page.example"};
    return rules;
  }
  static guard::DoorOptions Options() {
    guard::DoorOptions options;
    options.limits = guard::ServiceLimits();
    options.limits.address[static_cast<std::size_t>(guard::Route::kApi)][0] = {
        0.05, static_cast<double>(kStrangersMayAsk)};
    options.limits.heedless_refusals = kRefusalsBeforeTold;
    options.enforces_likeness = false;
    return options;
  }

  const net::Endpoint& endpoint() { return endpoint_ = server_->endpoints().front(); }
  // From now on strangers are over their rate for 20 seconds a request.
  void UseUp() {
    RawClient client(endpoint());
    for (int i = 0; i < kStrangersMayAsk; ++i) {
      client.Send(RequestOf());
      EXPECT_EQ(client.Read().status, 200);
    }
  }
  double Metric(const std::string& series) const {
    const std::string text = registry_.ExposeText();
    const std::size_t at = text.find("\n" + series + " ");
    return at == std::string::npos ? 0 : std::stod(text.substr(at + series.size() + 2));
  }
  // Until what follows the client's last byte has happened.
  void WaitForMetric(const std::string& series, double value) const {
    const net::TimePoint deadline = net::Clock::now() + kPatience;
    while (Metric(series) < value && net::Clock::now() < deadline) std::this_thread::yield();
    EXPECT_EQ(Metric(series), value) << series;
  }

  const std::filesystem::path folder_ = MakeFolder();
  metrics::Registry registry_;
  const crypto::HashKey key_ = crypto::HashKey::Random();
  const CallerHasher hasher_{key_};
  const std::unique_ptr<AccountOffice> office_ = OpenOffice();
  const std::unique_ptr<Authenticator> authenticator_ = std::make_unique<Authenticator>(
      office_->accounts(), office_->pool(), AnonymousUse::kEveryone);
  const EndpointTable table_{Endpoints()};
  RefusedRows rows_;
  const std::unique_ptr<LiveDoor> door_ = std::make_unique<LiveDoor>(
      guard::Door(Options()), [] { return guard::EngineReport{.workers_up = 1}; }, registry_,
      &rows_);
  Settlement settlement_{table_.endpoints(), registry_};
  std::unique_ptr<GatewayPipeline> pipeline_;
  net::IoThreads threads_{2};
  std::unique_ptr<http::Server> server_;
  net::Endpoint endpoint_;
};

// What everybody who is over the rate is told.
void ExpectTold(const Answer& answer) {
  EXPECT_EQ(answer.status, 429);
  EXPECT_FALSE(answer.closes());
  const json::Object error = answer.error();
  EXPECT_EQ(error.at("reason").as_string(), "your_rate");
  EXPECT_EQ(error.at("type").as_string(), "rate_limit_error");
  const auto wait_ms = error.at("retry_after_ms").as_int64();
  EXPECT_GT(wait_ms, 1'000);
  EXPECT_LE(wait_ms, 20'000);
  for (const std::string& line :
       {std::string("Content-Type: application/json"), std::string("Cache-Control: no-store"),
        std::string("X-Of-Every-Answer: yes"), fmt::format("retry-after-ms: {}", wait_ms),
        fmt::format("Retry-After: {}", (wait_ms + 999) / 1000),
        fmt::format("x-request-id: {}", std::string_view(error.at("request_id").as_string()))}) {
    EXPECT_NE(answer.head.find("\r\n" + line + "\r\n"), std::string::npos) << line << "\n in \n"
                                                                           << answer.head;
  }
}

// But for what differs from one to the next.
json::Object WhatIsSaid(const Answer& answer) {
  json::Object said = answer.error();
  for (const char* name : {"request_id", "retry_after_ms"}) said.erase(name);
  return said;
}

// The names of its fields, in order of the alphabet.
std::vector<std::string> FieldsOf(const Answer& answer) {
  std::vector<std::string> fields;
  for (std::size_t at = 0; (at = answer.head.find("\r\n", at)) != std::string::npos;) {
    at += 2;
    fields.push_back(answer.head.substr(at, answer.head.find(':', at) - at));
  }
  std::ranges::sort(fields);
  return fields;
}

// A pass that is worth nothing has to be looked at, so that request goes the whole way.
TEST_F(TurnAwayTest, TheHeadAloneIsToldWhatTheWholeRequestIsTold) {
  UseUp();
  RawClient client(endpoint());
  client.Send(RequestOf());
  const Answer by_head = client.Read();
  client.Send(RequestOf("x-holdfast-pass: none\r\n"));
  const Answer by_whole = client.Read();
  for (const Answer* answer : {&by_head, &by_whole}) ExpectTold(*answer);
  EXPECT_NE(by_head.error().at("request_id"), by_whole.error().at("request_id"));
  EXPECT_EQ(WhatIsSaid(by_head), WhatIsSaid(by_whole));
}

TEST_F(TurnAwayTest, TheSameHeadAgainIsToldTheSameAgain) {
  UseUp();
  for (const char* headers : {"", "Origin: https://page.example\r\n"}) {
    RawClient client(endpoint());
    std::vector<Answer> answers;
    for (int i = 0; i < 6; ++i) {
      client.Send(RequestOf(headers));
      answers.push_back(client.Read());
      ExpectTold(answers.back());
      EXPECT_EQ(WhatIsSaid(answers.back()), WhatIsSaid(answers.front()));
      EXPECT_EQ(FieldsOf(answers.back()), FieldsOf(answers.front()));
    }
    for (std::size_t i = 1; i < answers.size(); ++i) {
      EXPECT_NE(answers[i].error().at("request_id"), answers[i - 1].error().at("request_id"));
    }
  }
}

TEST_F(TurnAwayTest, AHeadThatDiffersFromThoseBeforeIsReadAnew) {
  const std::string key = MakeKey();
  UseUp();
  RawClient client(endpoint());
  const auto expect = [&](const std::string& request, int status) {
    client.Send(request);
    EXPECT_EQ(client.Read().status, status) << request;
  };
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 4; ++i) expect(RequestOf(), 429);
    expect(RequestOf(fmt::format("Authorization: Bearer {}\r\n", key)), 200);
    for (int i = 0; i < 4; ++i) expect(RequestOf("Cookie: a=b\r\n"), 429);
    expect(RequestOf("Host: two\r\n"), 400);
    client = RawClient(endpoint());
  }
  for (int i = 0; i < 4; ++i) expect(RequestOf(), 429);
  client.Send(HeadOf(kPath, "Content-Length: 3\r\n") + "{ }" + RequestOf());
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(client.Read().status, 429) << "a longer body is passed over";
  for (int i = 0; i < 4; ++i) expect(RequestOf(), 429);
  client.Send(RequestOf("Connection: close\r\n"));
  EXPECT_TRUE(client.Read().closes());
  EXPECT_TRUE(client.IsClosed());
}

TEST_F(TurnAwayTest, TheSameHeadIsKnownAlsoWhereItComesInPieces) {
  UseUp();
  RawClient client(endpoint());
  const std::string request = RequestOf();
  for (int i = 0; i < 4; ++i) {
    client.Send(request);
    EXPECT_EQ(client.Read().status, 429);
  }
  for (std::size_t cut = 1; cut < request.size(); cut += 7) {
    client.Send(request.substr(0, cut));
    std::this_thread::yield();
    client.Send(request.substr(cut));
    ExpectTold(client.Read());
  }
}

// One connection of a proxy speaks for many.
TEST_F(TurnAwayTest, WhomAProxySpeaksForIsLookedAtEachTime) {
  RawClient client(endpoint(), kProxy);
  const auto ask = [&](std::string_view whom) {
    client.Send(RequestOf(fmt::format("X-Forwarded-For: {}\r\n", whom)));
    return client.Read().status;
  };
  for (int i = 0; i < kStrangersMayAsk; ++i) EXPECT_EQ(ask("192.0.2.1"), 200);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(ask("192.0.2.1"), 429);
  for (int i = 0; i < kStrangersMayAsk; ++i) EXPECT_EQ(ask("192.0.2.2"), 200);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(ask("192.0.2.1"), 429);
}

TEST_F(TurnAwayTest, WhatTheDoorSaysOfTheSameRequestMayChange) {
  UseUp();
  RawClient client(endpoint());
  Answer answer;
  for (int i = 0; i < kRefusalsBeforeTold; ++i) {
    client.Send(RequestOf());
    answer = client.Read();
    EXPECT_EQ(answer.status, 429) << i;
  }
  client.Send(RequestOf());
  answer = client.Read();
  EXPECT_EQ(answer.status, 403);
  const json::Object error = answer.error();
  EXPECT_EQ(error.at("reason").as_string(), "under_attack");
  ASSERT_TRUE(error.contains("decision"));
  EXPECT_NE(answer.head.find("\r\nx-holdfast-decision: "), std::string::npos) << answer.head;

  const std::vector<guard::Restriction> restrictions = door_->Restrictions();
  ASSERT_EQ(restrictions.size(), 1u);
  EXPECT_TRUE(door_->UndoRestriction(restrictions.front().id, 1));
  client.Send(RequestOf());
  ExpectTold(client.Read());

  door_->Drain();
  client.Send(RequestOf());
  EXPECT_EQ(client.Read().error().at("reason").as_string(), "draining");
}

TEST_F(TurnAwayTest, AKeyIsServedWhereStrangersAreOverTheirRate) {
  const std::string key = MakeKey();
  UseUp();
  RawClient client(endpoint());
  for (const std::string& credentials :
       {fmt::format("Authorization: Bearer {}\r\n", key), fmt::format("x-api-key: {}\r\n", key)}) {
    client.Send(RequestOf());
    EXPECT_EQ(client.Read().status, 429);
    client.Send(RequestOf(credentials));
    EXPECT_EQ(client.Read().status, 200) << credentials;
  }
  client.Send(RequestOf("Authorization: Bearer sk-unknown\r\n"));
  const Answer unknown = client.Read();
  EXPECT_EQ(unknown.status, 429) << "a key that nobody has vouches for nobody";
}

TEST_F(TurnAwayTest, CountsWhomItTurnsAway) {
  UseUp();
  RawClient client(endpoint());
  for (int i = 0; i < 10; ++i) {
    client.Send(RequestOf());
    EXPECT_EQ(client.Read().status, 429);
  }
  WaitForMetric("holdfast_refusals_total{reason=\"your_rate\"}", 10);
  WaitForMetric("holdfast_http_requests_total{route=\"/ask\",status=\"429\"}", 10);
  EXPECT_EQ(rows_.count(), 10);
  const guard::DoorCounters counters = door_->counters();
  EXPECT_EQ(counters.refused[static_cast<std::size_t>(guard::Refusal::kYourRate)], 10u);
  EXPECT_EQ(counters.refused[static_cast<std::size_t>(guard::Refusal::kNone)],
            static_cast<std::uint64_t>(kStrangersMayAsk));
}

TEST_F(TurnAwayTest, AShortBodyIsPassedOverAndTheConnectionStays) {
  UseUp();
  RawClient client(endpoint());
  client.Send(HeadOf(kPath, "Content-Length: 40000\r\n"));
  EXPECT_EQ(client.Read().status, 429) << "its body is not waited for";
  client.Send(std::string(30'000, 'x'));
  client.Send(std::string(10'000, 'x') + RequestOf());
  EXPECT_EQ(client.Read().status, 429) << "the next request is found behind the body";
}

struct LongBody {
  const char* name;
  const char* headers;
};

TEST_F(TurnAwayTest, ABodyThatIsLongOrOfUnknownLengthClosesTheConnection) {
  UseUp();
  for (const LongBody& body :
       {LongBody{"long", "Content-Length: 100000\r\n"},
        LongBody{"chunked", "Transfer-Encoding: chunked\r\n"},
        LongBody{"waits to be asked for", "Content-Length: 2\r\nExpect: 100-continue\r\n"}}) {
    SCOPED_TRACE(body.name);
    RawClient client(endpoint());
    client.Send(HeadOf(kPath, body.headers));
    const Answer answer = client.Read();
    EXPECT_EQ(answer.status, 429);
    EXPECT_TRUE(answer.closes());
    EXPECT_TRUE(client.IsClosed());
  }
}

TEST_F(TurnAwayTest, WhatComesInOneReadIsAnsweredInOneWrite) {
  constexpr int kRequests = 10;
  UseUp();
  RawClient client(endpoint());
  std::string requests;
  for (int i = 0; i < kRequests; ++i) requests += RequestOf();
  client.Send(requests);
  ASSERT_TRUE(client.ReadSome());
  int heads = 0;
  for (std::size_t at = 0; (at = client.input().find("HTTP/1.1 429", at)) != std::string::npos;) {
    ++heads;
    ++at;
  }
  EXPECT_EQ(heads, kRequests);
  for (int i = 0; i < kRequests; ++i) EXPECT_EQ(client.Read().status, 429);
}

TEST_F(TurnAwayTest, ARefusalDoesNotWaitForALongAnswerBehindIt) {
  const std::string key = MakeKey();
  UseUp();
  RawClient client(endpoint());
  client.Send(RequestOf() +
              RequestOf(fmt::format("Authorization: Bearer {}\r\n", key), kPathOfLong));
  EXPECT_EQ(client.Read().status, 429);
}

TEST_F(TurnAwayTest, SaysThatItDrainsToWhoIsOverItsRateToo) {
  UseUp();
  door_->Drain();
  RawClient client(endpoint());
  client.Send(RequestOf());
  EXPECT_EQ(client.Read().error().at("reason").as_string(), "draining");
}

}  // namespace
}  // namespace holdfast::server
