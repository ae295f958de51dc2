// A gateway that has stepped down, over real sockets: who gets a shorter answer, who is told to ask
// for less or to come again, and what every answer says of it.
#include <array>
#include <deque>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "api/reply.h"
#include "http/server.h"
#include "net/event.h"
#include "net/io_threads.h"
#include "server/gateway_pipeline.h"
#include "server/testing/asking.h"

namespace holdfast::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kPatience{60};
constexpr std::uint32_t kShort = 64;

// Says what it was shortened to; a stream, in an event.
class AnswerCall final : public api::Call {
 public:
  AnswerCall(std::uint32_t tokens_max, bool is_stream)
      : tokens_max_(tokens_max), is_stream_(is_stream) {}

  api::Work work() const override { return {.tokens_max = tokens_max_, .is_stream = is_stream_}; }
  void ShortenTo(std::uint32_t tokens_max) override { shortened_to_ = tokens_max; }

  net::Awaitable<api::ApiResult<void>> Run(api::Reply& reply, api::Progress& progress) override {
    progress.OnTokens(1);
    const std::string said = std::to_string(shortened_to_);
    if (!is_stream_) co_return co_await reply.SendJsonText(said);
    CO_TRY(co_await reply.BeginEvents());
    CO_TRY(co_await reply.Event(said));
    co_return co_await reply.End();
  }

 private:
  const std::uint32_t tokens_max_;
  const bool is_stream_;
  std::uint32_t shortened_to_ = 0;
};

// A large prompt, whose answer ends when its caller leaves.
class LargeCall final : public api::Call {
 public:
  api::Work work() const override { return {.prompt_bytes = 1 << 20, .tokens_max = 1}; }
  net::Awaitable<api::ApiResult<void>> Run(api::Reply& reply, api::Progress&) override {
    net::Event event(reply.exchange().executor());
    const net::StopSource::Listener stopped = reply.stop().OnStop([&event] { event.Notify(); });
    while (!reply.stop().is_stopped()) co_await event.Wait(net::kNoDeadline);
    co_return std::unexpected(api::ToApiError(reply.stop().reason()));
  }
};

api::Endpoint EndpointOf(std::string pattern, api::Endpoint::Parse parse) {
  api::Endpoint endpoint;
  endpoint.pattern = std::move(pattern);
  endpoint.kind = guard::Route::kApi;
  endpoint.parse = std::move(parse);
  return endpoint;
}

api::Endpoint::Parse AnswerParse(bool is_stream) {
  return [is_stream](const api::Context& context,
                     const std::string&) -> api::ApiResult<std::unique_ptr<api::Call>> {
    const auto tokens_max = static_cast<std::uint32_t>(std::stoul(context.params.at("tokens")));
    return std::make_unique<AnswerCall>(tokens_max, is_stream);
  };
}

std::vector<api::Endpoint> Endpoints() {
  std::vector<api::Endpoint> endpoints;
  endpoints.push_back(EndpointOf("/answer/{tokens}", AnswerParse(false)));
  endpoints.push_back(EndpointOf("/stream/{tokens}", AnswerParse(true)));
  endpoints.push_back(EndpointOf(
      "/large",
      [](const api::Context&, const std::string&) -> api::ApiResult<std::unique_ptr<api::Call>> {
        return std::make_unique<LargeCall>();
      }));
  const auto broken = [](const api::Context&,
                         const std::string&) -> api::ApiResult<std::unique_ptr<api::Call>> {
    return api::FailApi(Reason::kBadRequest, "It is broken.");
  };
  endpoints.push_back(EndpointOf("/broken", broken));
  endpoints.push_back(EndpointOf("/other", broken));
  endpoints.back().kind = std::nullopt;
  return endpoints;
}

// With room for one answer, and one rung to step down to.
class House {
 public:
  // `requests_max`: of one address, for a long time.
  explicit House(guard::Rung rung, double requests_max = 1000)
      : door_(guard::Door(Options(rung, requests_max)), Report, registry_) {
    server_ = std::make_unique<http::Server>(
        threads_, http::ServerOptions{},
        [this](http::Exchange& exchange) { return pipeline_.Serve(exchange); },
        [this](http::Exchange& exchange, const http::Refusal& refusal) {
          return pipeline_.Refuse(exchange, refusal);
        });
    EXPECT_TRUE(server_->Listen(*net::ParseEndpoint("127.0.0.1:0")));
    threads_.Spawn(0, door_.Run());
  }
  ~House() {
    callers_.Stop();
    crowd_.reset();
    server_->Drain(milliseconds(0));
    threads_.Stop();
  }
  House(const House&) = delete;
  House& operator=(const House&) = delete;

  // Until one answer is under way, another waits, and the service has answered that.
  void StepDown() {
    for (std::promise<Answer>& promise : large_) Spawn(*crowd_, "/large", promise);
    Until([this] { return door_.level().rung != guard::Rung::kOpen; });
  }
  void SendTheCrowdAway() { crowd_.reset(); }

  std::future<Answer> Begin(const std::string& target) {
    Spawn(callers_, target, promises_.emplace_back());
    return promises_.back().get_future();
  }
  Answer Get(const std::string& target) { return Begin(target).get(); }

  void UntilWaiting(std::uint32_t count) {
    Until([this, count] { return door_.counters().admission.waiting == count; });
  }
  api::ServiceLevel level() { return door_.level(); }

 private:
  static guard::EngineReport Report() { return {.workers_up = 1}; }

  static guard::DoorOptions Options(guard::Rung rung, double requests_max) {
    guard::DoorOptions options;
    options.limits = guard::ServiceLimits();
    options.limits.address[static_cast<std::size_t>(guard::Route::kApi)].fill({1e-3, requests_max});
    options.enforces_likeness = false;
    options.admission.in_flight_initial = 1;
    options.admission.in_flight_max = 1;
    options.admission.is_deadline_aware = false;
    options.admission.short_answer_tokens = kShort;
    options.admission.ladder = {.steps = {{rung, 1.25, 0.9}}, .up_after = milliseconds(1)};
    return options;
  }

  void Spawn(net::IoThreads& threads, const std::string& target, std::promise<Answer>& promise) {
    http::ClientRequest request;
    request.target = target;
    threads.Spawn(0, Ask(server_->endpoints().front(), std::move(request), kPatience, promise));
  }

  template <typename IsSo>
  static void Until(IsSo is_so) {
    const net::TimePoint deadline = net::Clock::now() + kPatience;
    while (!is_so() && net::Clock::now() < deadline) std::this_thread::yield();
    ASSERT_TRUE(is_so());
  }

  metrics::Registry registry_;
  const crypto::HashKey key_ = crypto::HashKey::Random();
  const CallerHasher hasher_{key_};
  const EndpointTable table_{Endpoints()};
  LiveDoor door_;
  Settlement settlement_{table_.endpoints(), registry_};
  GatewayPipeline pipeline_{table_, door_, hasher_, settlement_, nullptr, nullptr, {}};
  std::array<std::promise<Answer>, 2> large_;
  std::deque<std::promise<Answer>> promises_;
  net::IoThreads threads_{2};
  net::IoThreads callers_{1};
  std::unique_ptr<net::IoThreads> crowd_ = std::make_unique<net::IoThreads>(1);
  std::unique_ptr<http::Server> server_;
};

json::Value ErrorOf(const Answer& answer) {
  const Result<json::Value> body = json::Parse(answer.body.value_or(""));
  EXPECT_TRUE(body);
  return body ? body->at("error") : json::Value();
}

TEST(GatewayLevel, AServiceThatIsOpenSaysNothingOfIt) {
  House house(guard::Rung::kShorterAnswers);
  EXPECT_EQ(house.level().rung, guard::Rung::kOpen);
  EXPECT_EQ(house.level().since_ms, 0);
  EXPECT_EQ(house.level().answer_tokens_max, 0u);
  for (const char* target : {"/answer/0", "/answer/65", "/broken"}) {
    const Answer answer = house.Get(target);
    EXPECT_TRUE(answer.head.Find("x-holdfast-level").empty()) << target;
    EXPECT_TRUE(answer.head.Find("x-holdfast-tokens-max").empty()) << target;
  }
  EXPECT_EQ(house.Get("/stream/0").body.value_or(""), "data: 0\n\n");
}

TEST(GatewayLevel, WhoSetsNoLimitGetsAShorterAnswerThatSaysSo) {
  House house(guard::Rung::kShorterAnswers);
  house.StepDown();
  EXPECT_GT(house.level().since_ms, 0);
  EXPECT_EQ(house.level().answer_tokens_max, kShort);
  std::future<Answer> whole = house.Begin("/answer/0");
  std::future<Answer> stream = house.Begin("/stream/0");
  std::future<Answer> limited = house.Begin("/answer/64");
  house.UntilWaiting(4);
  house.SendTheCrowdAway();

  const Answer shortened = whole.get();
  EXPECT_EQ(shortened.head.status, 200);
  EXPECT_EQ(shortened.body.value_or(""), "64");
  EXPECT_EQ(shortened.head.Find("x-holdfast-level"), "shorter_answers");
  EXPECT_EQ(shortened.head.Find("x-holdfast-tokens-max"), "64");
  const std::string events = stream.get().body.value_or("");
  EXPECT_NE(events.find(": level shorter_answers tokens_max=64\n\n"), std::string::npos) << events;
  EXPECT_NE(events.find("data: 64\n\n"), std::string::npos) << events;
  const Answer as_asked = limited.get();
  EXPECT_EQ(as_asked.body.value_or(""), "0");
  EXPECT_EQ(as_asked.head.Find("x-holdfast-level"), "shorter_answers");
  EXPECT_TRUE(as_asked.head.Find("x-holdfast-tokens-max").empty());
}

TEST(GatewayLevel, WhoSetsAHigherLimitIsRefusedWithTheReasonAndATime) {
  House house(guard::Rung::kShorterAnswers);
  house.StepDown();
  for (const char* target : {"/answer/65", "/stream/1000"}) {
    const Answer refused = house.Get(target);
    EXPECT_EQ(refused.head.status, 503) << target;
    EXPECT_EQ(refused.head.Find("x-holdfast-level"), "shorter_answers");
    EXPECT_FALSE(refused.head.Find("retry-after").empty());
    EXPECT_TRUE(refused.head.Find("x-should-retry").empty()) << "it may help to come again";
    const json::Value error = ErrorOf(refused);
    EXPECT_EQ(error.at("reason"), "shorter_answers");
    EXPECT_EQ(error.at("param"), "max_tokens");
    const std::string message(error.at("message").as_string());
    EXPECT_NE(message.find("at most 64 tokens"), std::string::npos) << message;
  }
}

TEST(GatewayLevel, EveryRefusalOfARouteOfAnswersSaysTheLevelAndNoOther) {
  House house(guard::Rung::kShorterAnswers);
  house.StepDown();
  const Answer broken = house.Get("/broken");
  EXPECT_EQ(broken.head.status, 400);
  EXPECT_EQ(broken.head.Find("x-holdfast-level"), "shorter_answers");
  EXPECT_TRUE(house.Get("/other").head.Find("x-holdfast-level").empty());
}

TEST(GatewayLevel, WhoIsRefusedByTheHeadAloneIsToldTheLevelToo) {
  House house(guard::Rung::kShorterAnswers, 4);
  house.StepDown();
  Answer refused;
  for (int i = 0; i < 4 && refused.head.status != 429; ++i) refused = house.Get("/answer/65");
  EXPECT_EQ(refused.head.status, 429);
  EXPECT_EQ(refused.head.Find("x-holdfast-level"), "shorter_answers");
}

TEST(GatewayLevel, StrangersAreToldWhoIsServed) {
  const struct {
    guard::Rung rung;
    std::string_view reason;
  } cases[] = {{guard::Rung::kNoAnonymous, "signed_in_only"},
               {guard::Rung::kHistoryOnly, "history_only"}};
  for (const auto& c : cases) {
    House house(c.rung);
    house.StepDown();
    const Answer refused = house.Get("/answer/1");
    EXPECT_EQ(refused.head.status, 503);
    EXPECT_EQ(refused.head.Find("x-holdfast-level"), c.reason);
    EXPECT_EQ(ErrorOf(refused).at("reason").as_string(), c.reason);
    EXPECT_FALSE(refused.head.Find("retry-after").empty());
  }
}

}  // namespace
}  // namespace holdfast::server
