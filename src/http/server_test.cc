// Server and client together over real sockets, in one process.
#include "http/server.h"

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "http/client.h"
#include "http/sse.h"
#include "net/event.h"

namespace holdfast::http {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kPatience{60'000};

struct Answer {
  Result<void> started;
  ResponseHead head;
  Result<std::string> body;
};

net::Awaitable<void> Call(net::Endpoint endpoint, ClientRequest request,
                          std::promise<Answer>& promise) {
  constexpr std::size_t kBodyBytesMax = 8 << 20;
  const net::TimePoint deadline = net::Clock::now() + kPatience;
  ClientCall call;
  Answer answer;
  answer.started = co_await call.Start(endpoint, request, deadline);
  if (answer.started) {
    answer.head = call.head();
    answer.body = co_await call.ReadAll(kBodyBytesMax, deadline);
  }
  promise.set_value(std::move(answer));
}

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() : threads_(2), callers_(2) {
    ServerOptions options;
    options.head.idle_time_max = milliseconds(500);
    options.connection.write_stall_max = milliseconds(200);
    options.on_connection_end = [this](const ConnectionEnd& end) {
      if (end.event == ConnectionEvent::kSlowRead) ++slow_readers_;
    };
    server_ = std::make_unique<Server>(
        threads_, std::move(options), [this](Exchange& exchange) { return Serve(exchange); },
        [](Exchange& exchange, const Refusal& refusal) { return Refuse(exchange, refusal); });
  }
  ~ServerTest() override {
    callers_.Stop();
    server_->Drain(milliseconds(0));
    threads_.Stop();
  }

  net::Endpoint Listen(const std::string& text) {
    const Result<void> listening = server_->Listen(*net::ParseEndpoint(text));
    EXPECT_TRUE(listening) << listening.error().message;
    return server_->endpoints().back();
  }

  static net::Awaitable<void> Refuse(Exchange& exchange, const Refusal& refusal) {
    ResponseHead head;
    head.status = refusal.status;
    co_await exchange.Send(head, refusal.message);
  }

  // /echo sends the body back, /stream?N sends N events, /wait answers when `release_` is set
  // or told to stop, /deaf only when it is set, /no turns away, /cut breaks off in the middle.
  net::Awaitable<void> Serve(Exchange& exchange) {
    ResponseHead head;
    head.content_type = "text/plain";
    const std::string path = exchange.head().path;
    if (path == "/echo") {
      const BodyLimits limits{.bytes_max = 4 << 20, .time_max = kPatience};
      const auto body = co_await exchange.ReadBody(limits);
      if (!body) {
        co_await Refuse(exchange, body.error());
        co_return;
      }
      co_await exchange.Send(head, *body);
    } else if (path == "/stream") {
      SseWriter writer(exchange);
      Result<void> sent = co_await writer.Begin({});
      const int count = std::stoi(exchange.head().query);
      const std::string data(1000, 'x');
      for (int i = 0; i < count && sent; ++i) sent = co_await writer.Event(data);
      if (sent) sent = co_await writer.End();
      stream_result_.set_value(sent ? std::nullopt : std::optional(sent.error().code));
    } else if (path == "/wait" || path == "/deaf") {
      const auto event = std::make_shared<net::Event>(exchange.executor());
      net::StopSource::Listener stopped;
      if (path == "/wait") stopped = exchange.stop().OnStop([event] { event->Notify(); });
      waiting_.set_value(event);
      co_await event->Wait(net::kNoDeadline);
      was_peer_gone_.set_value(exchange.is_peer_gone());
      co_await exchange.Send(head, "waited");
    } else if (path == "/no") {
      ++turned_away_;
      co_await exchange.SendUnread(head, "no\n");
      const std::string again = "no again\n" + exchange.head().query;
      exchange.AnswerRepeats([again] { return Repeats::Answer{{}, again}; });
    } else {
      co_await exchange.Begin(head);
      co_await exchange.Write("half");
      exchange.Abort();
    }
  }

  Answer Ask(const net::Endpoint& endpoint, Method method, std::string target,
             std::string body = {}) {
    ClientRequest request;
    request.method = method;
    request.target = std::move(target);
    request.body = std::move(body);
    std::promise<Answer> promise;
    callers_.Spawn(callers_.NextIndex(), Call(endpoint, std::move(request), promise));
    return promise.get_future().get();
  }

  std::atomic<int> turned_away_ = 0;
  std::atomic<int> slow_readers_ = 0;
  std::promise<std::optional<ErrorCode>> stream_result_;
  std::promise<std::shared_ptr<net::Event>> waiting_;
  std::promise<bool> was_peer_gone_;
  net::IoThreads threads_;
  net::IoThreads callers_;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, EchoesOverTcpAndUnixSockets) {
  const std::string path = fmt::format("unix:/tmp/holdfast-server-test-{}.sock", ::getpid());
  for (const net::Endpoint& endpoint : {Listen("127.0.0.1:0"), Listen(path)}) {
    for (const std::size_t size : {0u, 1u, 100'000u, 3'000'000u}) {
      const std::string body(size, 'b');
      const Answer answer = Ask(endpoint, Method::kPost, "/echo", body);
      ASSERT_TRUE(answer.started) << answer.started.error().message;
      EXPECT_EQ(answer.head.status, 200);
      ASSERT_TRUE(answer.body) << answer.body.error().message;
      EXPECT_EQ(*answer.body, body);
    }
  }
  server_->Drain(milliseconds(1'000));
  EXPECT_EQ(::access(path.c_str() + 5, F_OK), -1) << "the socket file is left";
}

TEST_F(ServerTest, ServesManyAtOnce) {
  const net::Endpoint endpoint = Listen("127.0.0.1:0");
  constexpr int kCalls = 64;
  std::vector<std::promise<Answer>> promises(kCalls);
  for (int i = 0; i < kCalls; ++i) {
    ClientRequest request;
    request.method = Method::kPost;
    request.target = "/echo";
    request.body = std::to_string(i) + std::string(5'000, 'x');
    callers_.Spawn(callers_.NextIndex(), Call(endpoint, std::move(request), promises[i]));
  }
  for (int i = 0; i < kCalls; ++i) {
    const Answer answer = promises[i].get_future().get();
    ASSERT_TRUE(answer.body) << answer.body.error().message;
    EXPECT_EQ(*answer.body, std::to_string(i) + std::string(5'000, 'x'));
  }
}

TEST_F(ServerTest, StreamsInChunks) {
  const Answer answer = Ask(Listen("127.0.0.1:0"), Method::kGet, "/stream?100");
  ASSERT_TRUE(answer.body);
  EXPECT_EQ(answer.body->size(), 100 * (1000 + std::string("data: \n\n").size()));
  EXPECT_EQ(stream_result_.get_future().get(), std::nullopt);
}

TEST_F(ServerTest, AnAnswerCutOffIsAnError) {
  const Answer answer = Ask(Listen("127.0.0.1:0"), Method::kGet, "/cut");
  ASSERT_TRUE(answer.started);
  ASSERT_FALSE(answer.body);
  EXPECT_EQ(answer.body.error().code, ErrorCode::kUnavailable);
}

// A client that sends a request and then does nothing.
net::Awaitable<void> SendOnly(net::Endpoint endpoint, std::string text,
                              std::promise<std::unique_ptr<net::Stream>>& promise) {
  auto stream = co_await net::Dial(endpoint, net::Clock::now() + kPatience);
  if (stream) co_await (*stream)->WriteAll(text);
  promise.set_value(stream ? std::move(*stream) : nullptr);
}

TEST_F(ServerTest, CutsOffAReaderThatDoesNotRead) {
  const net::Endpoint endpoint = Listen("127.0.0.1:0");
  std::promise<std::unique_ptr<net::Stream>> promise;
  callers_.Spawn(0, SendOnly(endpoint, "GET /stream?100000 HTTP/1.1\r\nHost: a\r\n\r\n", promise));
  const std::unique_ptr<net::Stream> silent = promise.get_future().get();
  ASSERT_NE(silent, nullptr);
  EXPECT_EQ(stream_result_.get_future().get(), ErrorCode::kDeadlineExceeded);
}

TEST_F(ServerTest, CutsOffWhoAsksTheSameAgainAndAgainAndReadsNothing) {
  const net::Endpoint endpoint = Listen("127.0.0.1:0");
  const std::string head =
      fmt::format("GET /no?{} HTTP/1.1\r\nHost: a\r\n\r\n", std::string(1'800, 'q'));
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += head;
  std::promise<std::unique_ptr<net::Stream>> promise;
  callers_.Spawn(0, SendOnly(endpoint, std::move(text), promise));
  const std::unique_ptr<net::Stream> silent = promise.get_future().get();
  ASSERT_NE(silent, nullptr);
  const net::TimePoint deadline = net::Clock::now() + kPatience;
  while (slow_readers_ == 0 && net::Clock::now() < deadline) std::this_thread::yield();
  EXPECT_EQ(slow_readers_, 1);
}

TEST_F(ServerTest, NoticesAPeerThatLeavesWhileItsAnswerIsMade) {
  const net::Endpoint endpoint = Listen("127.0.0.1:0");
  std::promise<std::unique_ptr<net::Stream>> promise;
  callers_.Spawn(0, SendOnly(endpoint, "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n", promise));
  std::unique_ptr<net::Stream> stream = promise.get_future().get();
  waiting_.get_future().get();
  callers_.Run(0, [&] { stream.reset(); });
  EXPECT_TRUE(was_peer_gone_.get_future().get());
}

// Sends each of the texts, waiting for a line of answer after all but the last, and then reads on.
net::Awaitable<void> Converse(net::Endpoint endpoint, std::vector<std::string> texts,
                              std::promise<std::string>& promise) {
  auto stream = co_await net::Dial(endpoint, net::Clock::now() + kPatience);
  std::string read;
  std::size_t count = 1;
  for (std::size_t i = 0; stream && i < texts.size(); ++i) {
    const std::size_t before = read.size();
    co_await (*stream)->WriteAll(texts[i]);
    const bool is_last = i + 1 == texts.size();
    while (count > 0 && (is_last || read.find("no", before) == std::string::npos)) {
      count = (co_await (*stream)->AppendSome(read, 1 << 16)).value_or(0);
    }
  }
  promise.set_value(std::move(read));
}

int CountOf(const std::string& text, std::string_view part) {
  int count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) {
    ++count;
  }
  return count;
}

TEST_F(ServerTest, ReadsTheSameHeadThatIsTurnedAwayTwiceAndThenNoMore) {
  const net::Endpoint endpoint = Listen("127.0.0.1:0");
  const std::string head = "POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
  const std::string last =
      "POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\n";
  const struct {
    const char* how;
    std::vector<std::string> texts;
  } cases[] = {
      {"at once",
       {head + "12345" + head + "12345" + head + "12345" + head + "12345" + last + "12345"}},
      {"one after the other",
       {head + "12345", head + "12345", head + "12345", head + "12345", last + "12345"}},
      {"bodies later",
       {head + "123", "45" + head, "12345" + head + "1", "2345" + head, "12345" + last}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.how);
    turned_away_ = 0;
    std::promise<std::string> promise;
    callers_.Spawn(0, Converse(endpoint, c.texts, promise));
    const std::string read = promise.get_future().get();
    EXPECT_EQ(turned_away_, 3);
    EXPECT_EQ(CountOf(read, "\r\n\r\nno\n"), 3) << read;
    EXPECT_EQ(CountOf(read, "\r\nConnection: keep-alive\r\n\r\nno again\n"), 2) << read;
    EXPECT_EQ(CountOf(read, "Content-Length: 9\r\n"), 2) << read;
  }
}

TEST_F(ServerTest, DrainsAnswersUnderWay) {
  const net::Endpoint endpoint = Listen("127.0.0.1:0");
  std::promise<Answer> promise;
  ClientRequest request;
  request.target = "/wait";
  callers_.Spawn(0, Call(endpoint, std::move(request), promise));
  const auto event = waiting_.get_future().get();
  std::future<std::size_t> cut =
      std::async(std::launch::async, [&] { return server_->Drain(kPatience); });
  while (!server_->is_draining()) std::this_thread::yield();
  net::Event::PostNotify(event);
  EXPECT_EQ(cut.get(), 0u);
  const Answer answer = promise.get_future().get();
  ASSERT_TRUE(answer.body);
  EXPECT_EQ(*answer.body, "waited");
  EXPECT_FALSE(Ask(endpoint, Method::kGet, "/echo").started);
}

TEST_F(ServerTest, TellsWhatOutlivesTheDrainToStop) {
  const net::Endpoint endpoint = Listen("127.0.0.1:0");
  std::promise<Answer> promise;
  ClientRequest request;
  request.target = "/wait";
  callers_.Spawn(0, Call(endpoint, std::move(request), promise));
  waiting_.get_future().get();
  EXPECT_EQ(server_->Drain(milliseconds(10)), 1u);
  const Answer answer = promise.get_future().get();
  ASSERT_TRUE(answer.started) << "it was cut before it could say why it ends";
  EXPECT_EQ(answer.body, "waited");
}

TEST_F(ServerTest, CutsWhatDoesNotStop) {
  const net::Endpoint endpoint = Listen("127.0.0.1:0");
  std::promise<Answer> promise;
  ClientRequest request;
  request.target = "/deaf";
  callers_.Spawn(0, Call(endpoint, std::move(request), promise));
  const std::shared_ptr<net::Event> event = waiting_.get_future().get();
  EXPECT_EQ(server_->Drain(milliseconds(10)), 1u);
  EXPECT_FALSE(promise.get_future().get().started);
  net::Event::PostNotify(event);
}

TEST_F(ServerTest, SaysWhenNobodyListens) {
  const net::Endpoint endpoint = Listen("127.0.0.1:0");
  server_->Drain(milliseconds(0));
  const Answer answer = Ask(endpoint, Method::kGet, "/echo");
  ASSERT_FALSE(answer.started);
  EXPECT_EQ(answer.started.error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace holdfast::http
