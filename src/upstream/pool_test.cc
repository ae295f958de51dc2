// The pool over engines that behave: choice, connections, cancelling, what is learned; and engines
// that come, stop and die.
#include "upstream/pool.h"

#include <atomic>
#include <latch>
#include <string>
#include <vector>

#include "net/asio.h"
#include "upstream/testing/pool_fixture.h"

namespace holdfast::upstream {
namespace {

using std::chrono::milliseconds;
using testing::ChatCall;
using testing::kPatience;
using testing::Outcome;
using testing::PatientLimits;
using testing::PoolFixture;
using testing::ScriptedEngine;
using testing::ScriptedRequest;
using testing::Wire;

constexpr std::string_view kText =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n";
constexpr std::string_view kFinish =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
constexpr std::string_view kUsage =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}\n\n";

bool AnswerWell(const ScriptedRequest& request, Wire& wire) {
  if (!request.body.contains("\"stream\":true")) {
    return wire.SendJson(200, R"({"choices":[{"index":0,"message":{"content":"hi"},)"
                              R"("finish_reason":"stop"}]})");
  }
  bool is_sent = wire.BeginEvents();
  for (const std::string_view event : {kText, kFinish, kUsage}) {
    is_sent = is_sent && wire.SendChunk(event);
  }
  return is_sent && wire.SendChunk("data: [DONE]\n\n") && wire.EndEvents();
}

class PoolTest : public PoolFixture {};

TEST_F(PoolTest, SendsTheClientsBytesWithUsageAskedForAndItsOwnKey) {
  ScriptedEngine engine(AnswerWell, /*is_unix=*/true);
  engine.BeOurs({"m"}, 0);
  std::vector<EngineSpec> specs(1);
  specs[0].name = "e0";
  specs[0].url = engine.url();
  specs[0].key = Secret("sk-test");
  StartSpecs(std::move(specs), PatientLimits());
  Await(0, true);
  Call call = ChatCall(true);
  call.request_id = "r-1";
  call.client = "c-1";
  const Outcome outcome = Ask(std::move(call));
  ASSERT_FALSE(outcome.failure) << outcome.failure->cause.message;
  const ScriptedRequest sent = engine.last_chat();
  EXPECT_EQ(sent.path, "/v1/chat/completions");
  EXPECT_EQ(sent.body, R"({"stream_options":{"include_usage":true,"continuous_usage_stats":true},)"
                       R"("model":"m","stream":true})");
  EXPECT_TRUE(sent.Has("Authorization: Bearer sk-test\r\n"));
  EXPECT_TRUE(sent.Has("x-request-id: r-1\r\n"));
  EXPECT_TRUE(sent.Has("x-holdfast-client: c-1\r\n"));
  EXPECT_EQ(outcome.client_bytes, std::string(kText) + std::string(kFinish) + "data: [DONE]\n\n");
  EXPECT_EQ(outcome.usage.prompt, 3);
  EXPECT_EQ(outcome.usage.completion, 1);
  EXPECT_FALSE(outcome.usage.is_estimated);
}

// Of two tokens, then it dies. Usage comes along if it is asked for.
bool DieAfterTwoTokens(const ScriptedRequest& request, Wire& wire) {
  const bool tells = request.body.contains("\"continuous_usage_stats\":true");
  const auto chunk = [tells](std::string_view delta, int tokens) {
    return fmt::format("data: {{\"choices\":[{{\"index\":0,\"delta\":{{{}}}}}]{}}}\n\n", delta,
                       tells ? fmt::format(",\"usage\":{{\"prompt_tokens\":30,"
                                           "\"completion_tokens\":{}}}",
                                           tokens)
                             : "");
  };
  wire.BeginEvents();
  wire.SendChunk(chunk("\"role\":\"assistant\"", 0) + chunk("\"content\":\"a\"", 1) +
                 chunk("\"content\":\"bc\"", 5));
  return false;
}

struct RunningUsageCase {
  const char* name;
  bool is_ours;
  const char* metrics;  // Empty: it has no such page.
  std::uint32_t choices;
  const char* options;  // Of the client.
  bool is_asked;
  bool is_told_the_client;
};

constexpr RunningUsageCase kRunningUsageCases[] = {
    {"Ours", true, "", 1, "", true, false},
    {"OursOfSeveralChoices", true, "", 3, "", true, false},
    {"OursOfAClientThatAsks", true, "", 1, R"(,"stream_options":{"continuous_usage_stats":true})",
     true, true},
    {"Vllm", false, "vllm:num_requests_running 3\n", 1, "", true, false},
    {"Sglang", false, "sglang:num_running_reqs 3\n", 1, "", true, false},
    // Each choice is counted by itself there.
    {"VllmOfSeveralChoices", false, "vllm:num_requests_running 3\n", 2, "", false, false},
    {"Llama", false, "llamacpp:requests_processing 1\n", 1, "", false, false},
    {"Unknown", false, "", 1, "", false, false},
};

class PoolRunningUsage : public PoolFixture,
                         public ::testing::WithParamInterface<RunningUsageCase> {};

TEST_P(PoolRunningUsage, IsAskedOfEnginesThatTakeItAndHiddenFromClientsThatDidNotAsk) {
  ScriptedEngine engine(DieAfterTwoTokens);
  if (GetParam().is_ours) {
    engine.BeOurs({"m"}, 0);
  } else {
    engine.SetModels({"m"});
    if (*GetParam().metrics != '\0') engine.SetPage("/metrics", {200, GetParam().metrics});
  }
  PoolLimits limits = PatientLimits();
  limits.health_every = kPatience;
  Start({&engine}, limits);
  Await(0, true);
  Call call = ChatCall(true);
  call.choices = GetParam().choices;
  call.body = std::make_shared<const std::string>(
      fmt::format(R"({{"model":"m","stream":true{}}})", GetParam().options));
  const Outcome outcome = Ask(std::move(call));
  ASSERT_TRUE(outcome.failure);
  EXPECT_TRUE(outcome.failure->has_begun);
  EXPECT_EQ(outcome.text, "abc");
  EXPECT_EQ(engine.last_chat().body.contains("continuous_usage_stats"), GetParam().is_asked);
  EXPECT_EQ(outcome.client_bytes.contains("usage"), GetParam().is_told_the_client)
      << outcome.client_bytes;
  const auto is_told = [&](std::int64_t tokens) {
    return GetParam().is_asked ? std::optional(tokens) : std::nullopt;
  };
  EXPECT_EQ(outcome.usage.prompt, is_told(30)) << "up to the last event before it died";
  EXPECT_EQ(outcome.usage.completion, is_told(5));
}

INSTANTIATE_TEST_SUITE_P(Of, PoolRunningUsage, ::testing::ValuesIn(kRunningUsageCases),
                         [](const auto& info) { return info.param.name; });

TEST_F(PoolTest, MovesOnFromAnEngineThatHasToldOnlyItsPrompt) {
  ScriptedEngine dying([](const ScriptedRequest&, Wire& wire) {
    wire.BeginEvents();
    wire.SendChunk(
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}],"
        "\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":0}}\n\n");
    return false;
  });
  dying.BeOurs({"m"}, 0);
  ScriptedEngine well(AnswerWell);
  well.BeOurs({"m"}, 5);  // Busier, so the call goes to the other one first.
  Start({&dying, &well}, PatientLimits());
  Await(0, true);
  Await(1, true);
  const Outcome outcome = Ask(ChatCall(true));
  ASSERT_FALSE(outcome.failure) << outcome.failure->cause.message;
  EXPECT_EQ(outcome.engine, "e1");
  EXPECT_EQ(outcome.usage.prompt, 3) << "of the engine that has answered";
}

TEST_F(PoolTest, GivesAWholeAnswerAsOneDeltaAndCountsWhatTheEngineDoesNot) {
  std::atomic<bool> has_usage{true};
  const std::string with_usage = R"({"choices":[{"index":0,"message":{"content":"12345678"}}],)"
                                 R"("usage":{"prompt_tokens":9,"completion_tokens":7}})";
  const std::string without = R"({"choices":[{"index":0,"message":{"content":"12345678"}}]})";
  ScriptedEngine engine([&](const ScriptedRequest&, Wire& wire) {
    return wire.SendJson(200, has_usage ? with_usage : without);
  });
  engine.BeOurs({"m"}, 0);
  Start({&engine}, PatientLimits());
  Await(0, true);
  const Outcome counted = Ask(ChatCall(false));
  ASSERT_FALSE(counted.failure);
  EXPECT_EQ(counted.client_bytes, with_usage);
  EXPECT_EQ(counted.usage.completion, 7);
  EXPECT_FALSE(counted.usage.is_estimated);
  EXPECT_EQ(engine.last_chat().body, R"({"model":"m"})");
  has_usage = false;
  const Outcome estimated = Ask(ChatCall(false));
  EXPECT_EQ(estimated.usage.completion, 2) << "a quarter of the bytes";
  EXPECT_TRUE(estimated.usage.is_estimated);
}

TEST_F(PoolTest, KeepsConnectionsForTheNextCall) {
  ScriptedEngine engine(AnswerWell);
  engine.BeOurs({"m"}, 0);
  PoolLimits limits = PatientLimits();
  limits.health_every = kPatience;  // Its checks take connections too.
  Start({&engine}, limits);
  Await(0, true);
  for (int i = 0; i < 20; ++i) {
    ASSERT_FALSE(Ask(ChatCall(i % 2 == 0)).failure);
  }
  // One for each of the two I/O threads, and one more where the next call was faster than the last
  // bytes of the answer before it.
  EXPECT_LE(engine.accepted(), 4);
}

TEST_F(PoolTest, MakesANewConnectionWhenTheKeptOneTurnsOutDead) {
  // Hangs up on the second request of a connection, as if it had been idle for too long.
  std::atomic<int> refused{0};
  ScriptedEngine engine([&](const ScriptedRequest& request, Wire& wire) {
    AnswerWell(request, wire);
    ScriptedRequest next;
    if (wire.Read(next)) ++refused;
    return false;
  });
  engine.BeOurs({"m"}, 0);
  PoolLimits limits = PatientLimits();
  limits.health_every = kPatience;
  Start({&engine}, limits);
  Await(0, true);
  for (int i = 0; i < 10; ++i) {
    const Outcome outcome = Ask(ChatCall(false));
    ASSERT_FALSE(outcome.failure) << outcome.failure->cause.message;
  }
  EXPECT_GT(refused, 0);
  EXPECT_EQ(pool_->Status()[0].failures, 0u);
}

net::Awaitable<void> StopWhenBegun(Pool& pool, std::promise<Outcome>& done) {
  net::StopSource stop(co_await net::CurrentExecutor());
  Outcome outcome;
  auto stream = co_await pool.Open(ChatCall(true), stop);
  if (stream) {
    const AnswerStream::Part first = co_await (*stream)->Next();
    EXPECT_TRUE(first && *first);
    net::asio::post(co_await net::CurrentExecutor(),
                    [&stop] { stop.Stop(net::StopReason::kClientLeft); });
    co_await ReadOn(**stream, outcome);
    (*stream).reset();
  } else {
    outcome.failure = stream.error();
  }
  done.set_value(std::move(outcome));
}

TEST_F(PoolTest, EndsTheEnginesWorkWhenTheCallerStops) {
  std::promise<bool> is_gone;
  ScriptedEngine engine([&](const ScriptedRequest&, Wire& wire) {
    wire.BeginEvents();
    wire.SendChunk(kText);
    is_gone.set_value(wire.WaitGone());
    return false;
  });
  engine.BeOurs({"m"}, 0);
  Start({&engine}, PatientLimits());
  Await(0, true);
  std::promise<Outcome> done;
  threads_.Spawn(0, StopWhenBegun(*pool_, done));
  const Outcome outcome = done.get_future().get();
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(outcome.failure->kind, FailureKind::kStopped);
  EXPECT_EQ(outcome.failure->stop, net::StopReason::kClientLeft);
  EXPECT_TRUE(is_gone.get_future().get());
  EXPECT_EQ(pool_->Status()[0].failures, 0u);
}

net::Awaitable<void> OpenStopped(Pool& pool, std::promise<Outcome>& done) {
  net::StopSource stop(co_await net::CurrentExecutor());
  stop.StopAt(net::Clock::now() + milliseconds(30));
  Outcome outcome;
  auto stream = co_await pool.Open(ChatCall(true), stop);
  EXPECT_FALSE(stream);
  if (!stream) outcome.failure = stream.error();
  done.set_value(std::move(outcome));
}

TEST_F(PoolTest, EndsACallThatWaitsForItsHeadAtTheCallersDeadline) {
  ScriptedEngine engine(
      [](const ScriptedRequest&, Wire& wire) { return wire.WaitGone() && false; });
  engine.BeOurs({"m"}, 0);
  Start({&engine}, PatientLimits());
  Await(0, true);
  std::promise<Outcome> done;
  threads_.Spawn(1, OpenStopped(*pool_, done));
  const Outcome outcome = done.get_future().get();
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(outcome.failure->kind, FailureKind::kStopped);
  EXPECT_EQ(ToReason(*outcome.failure), Reason::kDeadlineExceeded);
}

TEST_F(PoolTest, KnowsWhatIsServedWithoutAsking) {
  ScriptedEngine first(AnswerWell);
  first.BeOurs({"b/model:4b", "m"}, 2);
  ScriptedEngine second(AnswerWell);
  second.BeOurs({"a", "m"}, 3);
  Start({&first, &second}, PatientLimits());
  Await(0, true);
  Await(1, true);
  std::vector<std::string> ids;
  for (const ModelInfo& model : pool_->Models()) ids.push_back(model.id);
  EXPECT_EQ(ids, (std::vector<std::string>{"a", "b/model:4b", "m"}));
  const std::optional<ModelInfo> found = pool_->FindModel("b/model:4b");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->owned_by, "us");
  EXPECT_EQ(found->created_s, 7);
  EXPECT_FALSE(pool_->FindModel("z"));
  const PoolReport report = pool_->Report();
  EXPECT_EQ(report.engines_up, 2u);
  EXPECT_EQ(report.engines_total, 2u);
  EXPECT_EQ(report.running, 5u);
  EXPECT_EQ(report.sequences_max, 16u);
  EXPECT_DOUBLE_EQ(report.free_cache_share, 0.5);
  EXPECT_DOUBLE_EQ(report.tokens_per_s, 200);
  Call call = ChatCall(true);
  call.model = "b/model:4b";
  EXPECT_EQ(Ask(std::move(call)).engine, "e0");
  call = ChatCall(true);
  call.model = "z";
  const Outcome outcome = Ask(std::move(call));
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(outcome.failure->kind, FailureKind::kNoModel);
}

TEST_F(PoolTest, LearnsTheLoadOfOurEnginesFromTheHeadOfEveryAnswer) {
  ScriptedEngine engine([](const ScriptedRequest&, Wire& wire) {
    const std::string_view body = R"({"choices":[]})";
    return wire.SendHead(200, "application/json",
                         fmt::format("Content-Length: {}\r\nx-holdfast-running: 5\r\n"
                                     "x-holdfast-waiting: 6\r\nx-holdfast-sequences-max: 12\r\n"
                                     "x-holdfast-tokens-per-s: 7.5\r\n",
                                     body.size())) &&
           wire.Send(body);
  });
  engine.BeOurs({"m"}, 0);
  PoolLimits limits = PatientLimits();
  limits.health_every = kPatience;
  Start({&engine}, limits);
  Await(0, true);
  ASSERT_FALSE(Ask(ChatCall(false)).failure);
  const PoolReport report = pool_->Report();
  EXPECT_EQ(report.running, 5u);
  EXPECT_EQ(report.waiting, 6u);
  EXPECT_EQ(report.sequences_max, 12u);
  EXPECT_DOUBLE_EQ(report.tokens_per_s, 7.5);
}

TEST_F(PoolTest, LearnsAForeignEngineFromItsMetricsAndItsListOfModels) {
  ScriptedEngine engine(AnswerWell);  // No /health: the list of models answers for it.
  engine.SetModels({"m"});
  engine.SetPage("/metrics", {200,
                              "vllm:num_requests_running 3\nvllm:num_requests_waiting 4\n"
                              "vllm:kv_cache_usage_perc 0.25\nsglang:gen_throughput 50\n"});
  PoolLimits limits = PatientLimits();
  limits.health_every = kPatience;
  Start({&engine}, limits);
  Await(0, true);
  const PoolReport report = pool_->Report();
  EXPECT_EQ(report.running, 3u);
  EXPECT_EQ(report.waiting, 4u);
  EXPECT_EQ(report.sequences_max, 0u) << "not known";
  EXPECT_DOUBLE_EQ(report.free_cache_share, 0.75);
  EXPECT_DOUBLE_EQ(report.tokens_per_s, 50);
}

struct StateCase {
  const char* name;
  ScriptedEngine::Page health;
  EngineState state;
  std::string_view why;
};

TEST_F(PoolTest, TakesAnEngineOutWhenItsHealthSaysSo) {
  const StateCase cases[] = {
      {"loading", {503, R"({"error":{"message":"Loading model"}})"}, EngineState::kDown, "loading"},
      {"draining",
       {503, R"({"error":{"message":"d","reason":"draining"}})"},
       EngineState::kDraining,
       "draining"},
      {"draining with 200", {200, R"({"status":"draining"})"}, EngineState::kDraining, "draining"},
      {"key", {401, "{}"}, EngineState::kDown, "key_refused"},
      {"broken", {500, "{}"}, EngineState::kDown, "unhealthy"},
  };
  ScriptedEngine engine(AnswerWell);
  engine.BeOurs({"m"}, 0);
  Start({&engine}, PatientLimits());
  for (const StateCase& one : cases) {
    Await(0, true);
    engine.SetPage("/health", one.health);
    Await(0, false);
    EXPECT_EQ(pool_->Status()[0].state, one.state) << one.name;
    EXPECT_EQ(pool_->Status()[0].why, one.why) << one.name;
    EXPECT_TRUE(pool_->Models().empty()) << one.name;
    const Outcome outcome = Ask(ChatCall(true));
    ASSERT_TRUE(outcome.failure) << one.name;
    EXPECT_EQ(outcome.failure->kind, FailureKind::kUnreachable) << one.name;
    engine.BeOurs({"m"}, 0);
  }
}

TEST_F(PoolTest, StaysWithTheEngineOfAConversationAndComesBackAfterARestart) {
  ScriptedEngine first(AnswerWell);
  first.BeOurs({"m"}, 0);
  ScriptedEngine second(AnswerWell);
  second.BeOurs({"m"}, 0);
  Start({&first, &second}, PatientLimits());
  Await(0, true);
  Await(1, true);
  Call call = ChatCall(true);
  call.prefix_key = 4711;
  const std::string home = Ask(call).engine;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Ask(call).engine, home);
  ScriptedEngine& lost = home == "e0" ? first : second;
  const std::size_t index = home == "e0" ? 0 : 1;
  lost.Kill();
  const Outcome moved = Ask(call);
  ASSERT_FALSE(moved.failure) << moved.failure->cause.message;
  EXPECT_NE(moved.engine, home);
  Await(index, false);
  lost.Restart();
  Await(index, true);
  EXPECT_EQ(Ask(call).engine, home);
}

TEST_F(PoolTest, MovesWaitingCallsOnWhenAnEngineNoLongerAnswersItsHealthChecks) {
  std::promise<void> has_call;
  ScriptedEngine frozen([&](const ScriptedRequest&, Wire& wire) {
    wire.BeginEvents();
    has_call.set_value();
    return wire.WaitGone() && false;
  });
  frozen.BeOurs({"m"}, 0);
  ScriptedEngine good(AnswerWell);
  good.BeOurs({"m"}, 50);
  PoolLimits limits = PatientLimits();
  limits.health_time_max = milliseconds(500);
  Start({&frozen, &good}, limits);
  Await(0, true);
  Await(1, true);
  std::promise<Outcome> done;
  std::future<Outcome> answer = Begin(ChatCall(true), done);
  has_call.get_future().get();
  frozen.Freeze();  // As after SIGSTOP.
  const Outcome outcome = answer.get();
  ASSERT_FALSE(outcome.failure) << outcome.failure->cause.message;
  EXPECT_EQ(outcome.engine, "e1");
  Await(0, false);
  EXPECT_EQ(pool_->Status()[0].why, "silent");
}

TEST_F(PoolTest, KeepsCallsAwayFromAnEngineThatFailsAgainAndAgain) {
  std::atomic<bool> is_broken{true};
  ScriptedEngine engine([&](const ScriptedRequest& request, Wire& wire) {
    return is_broken ? wire.SendJson(500, "{}") : AnswerWell(request, wire);
  });
  engine.BeOurs({"m"}, 0);
  PoolLimits limits = PatientLimits();
  limits.breaker = {.failures_in_a_row_max = 3, .open_time = kPatience, .open_time_max = kPatience};
  Start({&engine}, limits);
  Await(0, true);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Ask(ChatCall(false)).failure->kind, FailureKind::kError);
  const Outcome kept_away = Ask(ChatCall(false));
  EXPECT_EQ(kept_away.failure->kind, FailureKind::kUnreachable);
  EXPECT_EQ(engine.chats(), 3);
  EXPECT_EQ(pool_->Status()[0].breaker, "open");
  EXPECT_EQ(pool_->Status()[0].last_error, "error");
  // A restart is seen by its health checks, and tried at once.
  is_broken = false;
  engine.Kill();
  Await(0, false);
  engine.Restart();
  Await(0, true);
  EXPECT_FALSE(Ask(ChatCall(false)).failure);
  EXPECT_EQ(pool_->Status()[0].breaker, "closed");
}

TEST_F(PoolTest, StopsAfterACallHasBrokenTwoEngines) {
  std::vector<std::unique_ptr<ScriptedEngine>> engines;
  std::vector<const ScriptedEngine*> all;
  for (int i = 0; i < 4; ++i) {
    engines.push_back(
        std::make_unique<ScriptedEngine>([](const ScriptedRequest&, Wire&) { return false; }));
    engines.back()->BeOurs({"m"}, 0);
    all.push_back(engines.back().get());
  }
  PoolLimits limits = PatientLimits();
  limits.idle_connections_max = 0;  // A kept connection that breaks is tried anew.
  Start(all, limits);
  for (std::size_t i = 0; i < all.size(); ++i) Await(i, true);
  EXPECT_EQ(Ask(ChatCall(true)).failure->kind, FailureKind::kBroken);
  int chats = 0;
  for (const ScriptedEngine* engine : all) chats += engine->chats();
  EXPECT_EQ(chats, 2);
}

// One of two engines is killed while both are at work: what had not begun is answered by the other,
// the rest ends with a failure that says so.
TEST_F(PoolTest, LosesNoAnswerThatHadNotBegunWhenAnEngineIsKilled) {
  constexpr int kCalls = 60;
  std::latch all_there(kCalls);
  std::atomic<bool> is_killed{false};
  std::atomic<int> taken{0};
  const auto script = [&](const ScriptedRequest& request, Wire& wire) {
    if (is_killed) return AnswerWell(request, wire);
    // Every second answer begins; then all wait for the kill.
    const bool begins = taken++ % 2 == 0;
    wire.BeginEvents();
    if (begins) wire.SendChunk(kText);
    all_there.count_down();
    while (!is_killed && !wire.WaitGone(5)) {
    }
    bool is_sent = begins || wire.SendChunk(kText);
    return is_sent && wire.SendChunk(kFinish) && wire.SendChunk("data: [DONE]\n\n") &&
           wire.EndEvents();
  };
  ScriptedEngine doomed(script);
  doomed.BeOurs({"m"}, 0);
  ScriptedEngine other(script);
  other.BeOurs({"m"}, 0);
  Start({&doomed, &other}, PatientLimits());
  Await(0, true);
  Await(1, true);
  std::vector<std::promise<Outcome>> done(kCalls);
  std::vector<std::future<Outcome>> answers;
  for (std::promise<Outcome>& one : done) answers.push_back(Begin(ChatCall(true), one));
  all_there.wait();
  doomed.Kill();
  is_killed = true;
  int broken = 0;
  for (std::future<Outcome>& answer : answers) {
    const Outcome outcome = answer.get();
    if (!outcome.failure) {
      EXPECT_EQ(outcome.text, "hi");
      EXPECT_EQ(outcome.engine, "e1");
      continue;
    }
    ++broken;
    EXPECT_EQ(FailureWord(outcome.failure->kind), "broken");
    EXPECT_TRUE(outcome.failure->has_begun);
    EXPECT_EQ(outcome.failure->engine, "e0");
  }
  EXPECT_GT(doomed.chats(), 10);
  EXPECT_GT(broken, 0);
  EXPECT_LE(broken, doomed.chats());
}

TEST(Pool, RefusesSpecsThatMakeNoSense) {
  struct Case {
    const char* name;
    std::vector<std::pair<std::string, std::string>> engines;
    double weight;
  };
  const Case cases[] = {
      {"none", {}, 1},
      {"a name twice", {{"a", "http://h"}, {"a", "http://h"}}, 1},
      {"no name", {{"", "http://h"}}, 1},
      {"a URL", {{"a", "nonsense"}}, 1},
      {"a weight", {{"a", "http://h"}}, 0},
  };
  for (const Case& one : cases) {
    metrics::Registry registry;
    std::vector<EngineSpec> specs;
    for (const auto& [name, url] : one.engines) {
      EngineSpec spec;
      spec.name = name;
      spec.url = url;
      spec.weight = one.weight;
      specs.push_back(std::move(spec));
    }
    const auto pool = Pool::Make(std::move(specs), PoolLimits{}, registry);
    ASSERT_FALSE(pool) << one.name;
    EXPECT_EQ(pool.error().code, ErrorCode::kInvalidArgument) << one.name;
  }
}

}  // namespace
}  // namespace holdfast::upstream
