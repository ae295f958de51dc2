// The pipeline over real sockets, with calls that do as they are told: every reason, before and
// after the answer has begun, is said to the client, settled once, and called by one word.
#include "server/gateway_pipeline.h"

#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "api/reply.h"
#include "http/server.h"
#include "net/event.h"
#include "net/io_threads.h"
#include "server/testing/asking.h"

namespace holdfast::server {
namespace {

using std::chrono::milliseconds;
constexpr std::chrono::seconds kPatience{60};

// Fails with a reason: before the head, in the middle of a stream, or of a body that was begun.
enum class When : std::uint8_t { kBefore, kInStream, kInBody };

class FailingCall final : public api::Call {
 public:
  FailingCall(Reason reason, When when) : reason_(reason), when_(when) {}

  api::Work work() const override { return {.is_stream = when_ == When::kInStream}; }

  net::Awaitable<api::ApiResult<void>> Run(api::Reply& reply, api::Progress& progress) override {
    progress.OnTokens(1);
    if (when_ == When::kInStream) {
      CO_TRY(co_await reply.BeginEvents());
      CO_TRY(co_await reply.Event("{\"choices\":[]}"));
    }
    if (when_ == When::kInBody) CO_TRY(co_await reply.Waiting({.place = 1}, false));
    co_return std::unexpected(api::ToApiError(reason_));
  }

 private:
  const Reason reason_;
  const When when_;
};

// Waits until its request is stopped; with `is_engine_done`, after the engine has done its work.
class StuckCall final : public api::Call {
 public:
  explicit StuckCall(bool is_engine_done) : is_engine_done_(is_engine_done) {}
  net::Awaitable<api::ApiResult<void>> Run(api::Reply& reply, api::Progress& progress) override {
    progress.OnTokens(1);
    if (is_engine_done_) progress.OnEngineDone(1, 1);
    net::Event event(reply.exchange().executor());
    const net::StopSource::Listener stopped = reply.stop().OnStop([&event] { event.Notify(); });
    while (!reply.stop().is_stopped()) co_await event.Wait(net::kNoDeadline);
    co_return std::unexpected(api::ToApiError(reply.stop().reason()));
  }

 private:
  const bool is_engine_done_;
};

// Writes more than the kernel holds for a client, without waiting where that is possible.
class FloodCall final : public api::Call {
 public:
  static constexpr int kEvents = 20'000;
  static std::string Event(int number) { return fmt::format("data: {:0>200}\n\n", number); }

  net::Awaitable<api::ApiResult<void>> Run(api::Reply& reply, api::Progress& progress) override {
    progress.OnTokens(1);
    CO_TRY(co_await reply.BeginEvents());
    for (int i = 0; i < kEvents; ++i) {
      const std::string event = Event(i);
      if (!reply.EventsNow(event)) CO_TRY(co_await reply.Events(""));
    }
    co_return co_await reply.End();
  }
};

class GatewayPipelineTest : public ::testing::Test {
 protected:
  GatewayPipelineTest() {
    server_ = std::make_unique<http::Server>(
        threads_, MakeServerOptions(),
        [this](http::Exchange& exchange) { return pipeline_.Serve(exchange); },
        [this](http::Exchange& exchange, const http::Refusal& refusal) {
          return pipeline_.Refuse(exchange, refusal);
        });
    EXPECT_TRUE(server_->Listen(*net::ParseEndpoint("127.0.0.1:0")));
    threads_.Spawn(0, door_.Run());
  }
  ~GatewayPipelineTest() override {
    callers_.Stop();
    server_->Drain(milliseconds(0));
    threads_.Stop();
  }

  http::ServerOptions MakeServerOptions() {
    http::ServerOptions options;
    options.gate = [this](const net::Address&) {
      return is_gate_shut_ ? std::optional(Reason::kYourRate) : std::nullopt;
    };
    options.on_connection_refused = [this](const net::Address&, Reason reason) {
      settlement_.CountRefusedConnection(reason);
    };
    return options;
  }

  static std::vector<api::Endpoint> Endpoints() {
    std::vector<api::Endpoint> endpoints;
    for (const auto& [word, when] : {std::pair{"/before/{reason}", When::kBefore},
                                     {"/stream/{reason}", When::kInStream},
                                     {"/body/{reason}", When::kInBody}}) {
      api::Endpoint endpoint;
      endpoint.pattern = word;
      endpoint.kind = guard::Route::kApi;
      endpoint.parse = [when](const api::Context& context,
                              std::string) -> api::ApiResult<std::unique_ptr<api::Call>> {
        const auto reason = FindReason(context.params.at("reason"));
        return std::make_unique<FailingCall>(reason.value_or(Reason::kInternal), when);
      };
      endpoints.push_back(std::move(endpoint));
    }
    for (const auto& [pattern, is_engine_done] : {std::pair{"/stuck", false}, {"/done", true}}) {
      api::Endpoint endpoint;
      endpoint.pattern = pattern;
      endpoint.kind = guard::Route::kApi;
      endpoint.parse = [is_engine_done](const api::Context&,
                                        std::string) -> api::ApiResult<std::unique_ptr<api::Call>> {
        return std::make_unique<StuckCall>(is_engine_done);
      };
      endpoints.push_back(std::move(endpoint));
    }
    api::Endpoint flood;
    flood.pattern = "/flood";
    flood.kind = guard::Route::kApi;
    flood.parse = [](const api::Context&,
                     std::string) -> api::ApiResult<std::unique_ptr<api::Call>> {
      return std::make_unique<FloodCall>();
    };
    endpoints.push_back(std::move(flood));
    return endpoints;
  }

  static GatewayRules Rules() {
    GatewayRules rules;
    rules.answer_time_max = milliseconds(2'000);
    return rules;
  }

  static guard::DoorOptions MakeDoorOptions() {
    guard::DoorOptions options;
    options.limits = guard::ServiceLimits();
    options.enforces_likeness = false;
    return options;
  }

  // A client that has no answer within its patience leaves.
  Answer Get(std::string target, milliseconds patience = kPatience) {
    http::ClientRequest request;
    request.target = std::move(target);
    std::promise<Answer> promise;
    callers_.Spawn(0, Ask(server_->endpoints().front(), std::move(request), patience, promise));
    return promise.get_future().get();
  }

  // The value of a series of the exposition; 0 when there is none.
  double Metric(const std::string& series) const {
    const std::string text = registry_.ExposeText();
    const std::size_t at = text.find("\n" + series + " ");
    return at == std::string::npos ? 0 : std::stod(text.substr(at + series.size() + 2));
  }
  double Count(Reason reason) const {
    return Metric(fmt::format("holdfast_refusals_total{{reason=\"{}\"}}", Word(reason)));
  }

  // Until the settling that follows the client's last byte has happened.
  void WaitForCount(Reason reason, double count) const {
    const net::TimePoint deadline = net::Clock::now() + kPatience;
    while (Count(reason) < count && net::Clock::now() < deadline) std::this_thread::yield();
  }

  metrics::Registry registry_;
  const crypto::HashKey key_ = crypto::HashKey::Random();
  const CallerHasher hasher_{key_};
  const EndpointTable table_{Endpoints()};
  LiveDoor door_{guard::Door(MakeDoorOptions()), [] { return guard::EngineReport{}; }, registry_};
  Settlement settlement_{table_.endpoints(), registry_};
  std::atomic<bool> is_gate_shut_{false};
  GatewayPipeline pipeline_{table_, door_, hasher_, settlement_, nullptr, nullptr, Rules()};
  net::IoThreads threads_{2};
  net::IoThreads callers_{1};
  std::unique_ptr<http::Server> server_;
};

TEST_F(GatewayPipelineTest, SaysEveryReasonAndSettlesItOnce) {
  for (int i = 0; i < kReasonCount; ++i) {
    const Reason reason = static_cast<Reason>(i);
    const std::string word(Word(reason));
    SCOPED_TRACE(word);

    const Answer before = Get("/before/" + word);
    ASSERT_TRUE(before.has_head);
    EXPECT_EQ(before.head.status, api::Wire(reason).status);
    const Result<json::Value> error = json::Parse(*before.body);
    ASSERT_TRUE(error) << *before.body;
    EXPECT_EQ(error->at("error").at("reason").as_string(), word);
    EXPECT_EQ(error->at("error").at("side").as_string(),
              Info(reason).side == Side::kClient ? "client" : "service");
    EXPECT_EQ(error->at("error").at("request_id").as_string(), before.head.Find("x-request-id"));
    const bool may_retry = Info(reason).retry_after.has_value();
    EXPECT_EQ(before.head.Find("retry-after").empty(), !may_retry);
    EXPECT_EQ(before.head.Find("retry-after-ms").empty(), !may_retry);
    EXPECT_EQ(!may_retry, before.head.Find("x-should-retry") == "false" &&
                              before.head.Find("retry-after").empty());

    const Answer stream = Get("/stream/" + word);
    ASSERT_TRUE(stream.has_head);
    EXPECT_EQ(stream.head.status, 200);
    ASSERT_TRUE(stream.body) << "a stream that fails still comes to its end";
    const std::size_t last = stream.body->rfind("data: ");
    const Result<json::Value> event = json::Parse(stream.body->substr(last + 6));
    ASSERT_TRUE(event) << *stream.body;
    EXPECT_EQ(event->at("error").at("reason").as_string(), word);

    const Answer body = Get("/body/" + word);
    ASSERT_TRUE(body.has_head);
    EXPECT_EQ(body.head.status, 200);
    EXPECT_FALSE(body.body) << "a body that fails must not look whole";

    WaitForCount(reason, 3);
    EXPECT_EQ(Count(reason), 3);
  }
  const guard::DoorCounters counters = door_.counters();
  EXPECT_EQ(counters.admission.in_flight, 0u) << "a ticket was not given back";
  EXPECT_EQ(counters.admission.started, 3u * kReasonCount);
  EXPECT_EQ(counters.events_ignored, 0u) << "an end was told twice";
}

TEST_F(GatewayPipelineTest, SaysThatAnAnswerTookTooLong) {
  const Answer late = Get("/stuck");
  EXPECT_EQ(late.head.status, 504);
  EXPECT_EQ(json::Parse(*late.body)->at("error").at("reason").as_string(), "deadline_exceeded");
}

TEST_F(GatewayPipelineTest, KnowsAClientThatLeft) {
  EXPECT_FALSE(Get("/stuck", milliseconds(100)).has_head);
  WaitForCount(Reason::kClientLeft, 1);
  EXPECT_EQ(Count(Reason::kClientLeft), 1);
  EXPECT_EQ(Count(Reason::kDeadlineExceeded), 0);
  EXPECT_EQ(door_.counters().admission.in_flight, 0u);
}

TEST_F(GatewayPipelineTest, GivesThePlaceBackWhenTheEngineIsDone) {
  std::promise<Answer> promise;
  http::ClientRequest request;
  request.target = "/done";
  callers_.Spawn(0, Ask(server_->endpoints().front(), std::move(request), kPatience, promise));
  const net::TimePoint deadline = net::Clock::now() + milliseconds(1'500);
  bool is_given_back = false;
  while (!is_given_back && net::Clock::now() < deadline) {
    const guard::DoorCounters counters = door_.counters();
    is_given_back = counters.admission.started == 1 && counters.admission.in_flight == 0;
  }
  EXPECT_TRUE(is_given_back) << "a slow reader holds a place in the engine";
  promise.get_future().get();
}

TEST_F(GatewayPipelineTest, WritesAllOfWhatAClientCannotTakeAtOnce) {
  std::string expected;
  for (int i = 0; i < FloodCall::kEvents; ++i) expected += FloodCall::Event(i);
  const Answer answer = Get("/flood");
  ASSERT_TRUE(answer.body.has_value()) << answer.body.error().message;
  EXPECT_TRUE(*answer.body == expected) << answer.body->size() << " of " << expected.size();
}

TEST_F(GatewayPipelineTest, CountsConnectionsThatAreTurnedAway) {
  is_gate_shut_ = true;
  EXPECT_FALSE(Get("/before/internal").has_head);
  WaitForCount(Reason::kYourRate, 1);
  EXPECT_EQ(Count(Reason::kYourRate), 1);
}

TEST_F(GatewayPipelineTest, RefusesWhoComesWhileItDrains) {
  door_.Drain();
  const Answer refused = Get("/before/internal");
  EXPECT_EQ(refused.head.status, 503);
  EXPECT_EQ(json::Parse(*refused.body)->at("error").at("reason").as_string(), "draining");
  WaitForCount(Reason::kDraining, 1);
  EXPECT_EQ(Count(Reason::kDraining), 1);
}

}  // namespace
}  // namespace holdfast::server
