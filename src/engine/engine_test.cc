// The engine with its thread, over the fake model.
#include "engine/engine.h"

#include <atomic>
#include <semaphore>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/testing/fake_model.h"
#include "engine/testing/run_alone.h"

namespace holdfast::engine {
namespace {

using namespace std::chrono_literals;
using testing::FakeModel;
using ::testing::HasSubstr;

constexpr std::int64_t kBlockTokens = 4;

EngineOptions SmallOptions(std::int64_t blocks = 256) {
  FakeModel model;
  return {.queue_max = 16,
          .running_max = 8,
          .step_tokens_max = 16,
          .cache_bytes = blocks * model::LatentCache::BlockBytes(model.config(), kBlockTokens),
          .block_tokens = kBlockTokens,
          .stream_capacity = 64};
}

Request Ask(std::vector<TokenId> prompt, std::int64_t max_tokens, std::uint64_t seed = 1) {
  Request request;
  request.prompt = std::move(prompt);
  request.max_tokens = max_tokens;
  request.sampling.seed = seed;
  return request;
}

// Reads a stream to its end, waiting on its notifications.
struct Answer {
  std::vector<TokenId> tokens;
  FinishReason finish;
  Usage usage;
};
Answer ReadAll(TokenStream& stream) {
  std::binary_semaphore arrived(0);
  std::atomic<bool> is_signalled = false;
  stream.SetNotify([&] {
    if (!is_signalled.exchange(true)) arrived.release();
  });
  Answer answer{};
  for (;;) {
    arrived.acquire();
    is_signalled = false;
    const TokenStream::Batch batch = stream.Take();
    for (const TokenEvent& token : batch.tokens) answer.tokens.push_back(token.id);
    if (batch.finish) {
      answer.finish = *batch.finish;
      answer.usage = batch.usage;
      stream.SetNotify(nullptr);
      return answer;
    }
  }
}

// Holds the engine thread at the start of a forward pass until told to go on.
class Gate {
 public:
  explicit Gate(FakeModel& model) {
    model.before_forward = [this](auto) {
      if (is_open_) return;
      entered_.release();
      passes_.acquire();
    };
  }
  void AwaitForward() { entered_.acquire(); }
  void Pass() { passes_.release(); }
  void Open() {
    is_open_ = true;
    passes_.release();
  }

 private:
  std::counting_semaphore<> entered_{0};
  std::counting_semaphore<> passes_{0};
  std::atomic<bool> is_open_ = false;
};

TEST(Engine, AnswersAsTheModelAloneWould) {
  FakeModel model;
  auto engine = Engine::Start(model, SmallOptions()).value();
  const Request request = Ask({5, 6, 7, 8, 9, 10}, 40, 77);
  auto stream = engine->Submit(request).value();
  const Answer answer = ReadAll(*stream);
  EXPECT_EQ(answer.tokens, testing::RunAlone(request));
  EXPECT_EQ(answer.finish, FinishReason::kLength);
  EXPECT_EQ(answer.usage.prompt_tokens, 6);
  EXPECT_EQ(answer.usage.completion_tokens, 40);
}

TEST(Engine, ManyThreadsGetTheirOwnAnswers) {
  FakeModel model;
  auto engine = Engine::Start(model, SmallOptions(/*blocks=*/60)).value();
  std::vector<std::jthread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&engine, t] {
      for (int i = 0; i < 20; ++i) {
        Request request = Ask({t, i, 3, 4, 5, 6, 7}, 10 + i, t * 100 + i);
        request.caller = t % 2 == 0 ? "even" : "";
        auto stream = engine->Submit(request).value();
        if (i % 5 == 4) {
          stream->Cancel();
          const FinishReason finish = ReadAll(*stream).finish;
          EXPECT_TRUE(finish == FinishReason::kCancelled || finish == FinishReason::kLength);
        } else if (i % 5 == 3) {
          stream.reset();
        } else {
          EXPECT_EQ(ReadAll(*stream).tokens, testing::RunAlone(request));
        }
        engine->load();
      }
    });
  }
  threads.clear();
  engine->Drain(10s);
  const Load load = engine->load();
  EXPECT_EQ(load.running, 0);
  EXPECT_EQ(load.waiting, 0);
  EXPECT_EQ(load.blocks_free, load.blocks_total);
}

TEST(Engine, StopTokenEndsTheAnswerAndIsNotDelivered) {
  FakeModel model;
  auto engine = Engine::Start(model, SmallOptions()).value();
  Request request = Ask({1, 2, 3}, 30);
  const std::vector<TokenId> all = testing::RunAlone(request);
  const auto first = std::ranges::find(all, all[9]) - all.begin();
  request.stop_ids = {all[9]};
  const Answer answer = ReadAll(*engine->Submit(request).value());
  EXPECT_EQ(answer.finish, FinishReason::kStop);
  EXPECT_EQ(answer.tokens, std::vector(all.begin(), all.begin() + first));
  EXPECT_EQ(answer.usage.completion_tokens, first + 1);
}

TEST(Engine, LogitsThatAreNotNumbersEndThatSequenceOnly) {
  FakeModel model;
  auto engine = Engine::Start(model, SmallOptions()).value();
  auto bad = engine->Submit(Ask({1, FakeModel::kPoison, 2}, 5)).value();
  const Request good = Ask({1, 2}, 5);
  auto stream = engine->Submit(good).value();
  EXPECT_EQ(ReadAll(*bad).finish, FinishReason::kError);
  EXPECT_EQ(ReadAll(*stream).tokens, testing::RunAlone(good));
}

TEST(Engine, CancellationFreesBlocksWithinOneStep) {
  FakeModel model;
  Gate gate(model);
  auto engine = Engine::Start(model, SmallOptions()).value();
  auto stream = engine->Submit(Ask({1, 2, 3, 4, 5}, 1000)).value();
  gate.AwaitForward();  // Step 1 is under way.
  stream->Cancel();
  gate.Open();
  // Step 2 finds it cancelled: no forward pass, and the finish follows step 1's token.
  const Answer answer = ReadAll(*stream);
  EXPECT_EQ(answer.finish, FinishReason::kCancelled);
  EXPECT_EQ(answer.tokens.size(), 1u);
  engine->Drain(10s);
  EXPECT_EQ(engine->load().blocks_free, engine->load().blocks_total);
}

TEST(Engine, PassedDeadlineEndsTheSequence) {
  FakeModel model;
  auto engine = Engine::Start(model, SmallOptions()).value();
  Request request = Ask({1, 2, 3}, 1000);
  request.deadline = std::chrono::steady_clock::now() - 1ms;
  const Answer answer = ReadAll(*engine->Submit(request).value());
  EXPECT_EQ(answer.finish, FinishReason::kDeadline);
  EXPECT_TRUE(answer.tokens.empty());
}

TEST(Engine, ReaderWhoDoesNotReadIsCutOff) {
  FakeModel model;
  auto engine = Engine::Start(model, SmallOptions()).value();
  auto stream = engine->Submit(Ask({1, 2, 3}, 500)).value();
  engine->Drain(10s);
  const TokenStream::Batch batch = stream->Take();
  EXPECT_EQ(batch.finish, FinishReason::kSlowReader);
  EXPECT_EQ(batch.tokens.size(), 64u);
}

TEST(Engine, FullQueueRefuses) {
  FakeModel model;
  Gate gate(model);
  metrics::Registry registry;
  EngineOptions options = SmallOptions();
  options.queue_max = 3;
  options.running_max = 1;
  auto engine = Engine::Start(model, options, &registry).value();
  std::vector<std::unique_ptr<TokenStream>> streams;
  streams.push_back(engine->Submit(Ask({1}, 4)).value());
  gate.AwaitForward();  // The first runs, so it does not wait.
  for (int i = 0; i < 3; ++i) streams.push_back(engine->Submit(Ask({1}, 4)).value());
  const auto refused = engine->Submit(Ask({1}, 4));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
  EXPECT_THAT(refused.error().message, HasSubstr("queue_max is 3"));
  EXPECT_EQ(engine->load().waiting, 3);
  gate.Open();
  for (auto& stream : streams) EXPECT_EQ(ReadAll(*stream).finish, FinishReason::kLength);
  const std::string text = registry.ExposeText();
  EXPECT_THAT(text, HasSubstr("holdfast_engine_queue_full_total 1\n"));
  EXPECT_THAT(text, HasSubstr("holdfast_engine_finished_total{reason=\"length\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("holdfast_engine_output_tokens_total 16\n"));
  EXPECT_THAT(text, HasSubstr("holdfast_engine_time_to_first_token_seconds_count 4\n"));
}

TEST(Engine, TakesAllOfSeveralRequestsOrNone) {
  FakeModel model;
  Gate gate(model);
  EngineOptions options = SmallOptions();
  options.queue_max = 3;
  options.running_max = 1;
  auto engine = Engine::Start(model, options).value();
  const auto several = [](std::size_t count) { return std::vector<Request>(count, Ask({1}, 4)); };
  auto running = engine->Submit(Ask({1}, 4)).value();
  gate.AwaitForward();
  auto taken = engine->SubmitAll(several(2)).value();
  ASSERT_EQ(taken.size(), 2u);
  // One place is left.
  EXPECT_EQ(engine->SubmitAll(several(2)).error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(engine->load().waiting, 2);
  std::vector<Request> with_bad_one = several(1);
  with_bad_one.push_back(Ask({}, 4));
  EXPECT_EQ(engine->SubmitAll(std::move(with_bad_one)).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(engine->load().waiting, 2);
  EXPECT_EQ(engine->SubmitAll({}).error().code, ErrorCode::kInvalidArgument);
  taken.push_back(std::move(engine->SubmitAll(several(1)).value().front()));
  gate.Open();
  for (auto& stream : taken) EXPECT_EQ(ReadAll(*stream).finish, FinishReason::kLength);
  EXPECT_EQ(ReadAll(*running).finish, FinishReason::kLength);
  EXPECT_EQ(engine->SubmitAll(several(4)).error().code, ErrorCode::kResourceExhausted);
}

TEST(Engine, TellsHowManyMayRunAndWhetherItDrains) {
  FakeModel model;
  auto engine = Engine::Start(model, SmallOptions()).value();
  EXPECT_EQ(engine->load().sequences_max, 8);
  EXPECT_FALSE(engine->load().is_draining);
  engine->Drain(0ms);
  EXPECT_TRUE(engine->load().is_draining);
}

// Who is notified may go once Stop has returned: under TSan, a later notify would be a race.
TEST(Engine, AfterStopNoStreamNotifies) {
  FakeModel model;
  Gate gate(model);
  auto engine = Engine::Start(model, SmallOptions()).value();
  auto running = engine->Submit(Ask({1, 2}, 1000)).value();
  auto waiting = engine->Submit(Ask({1, 2}, 1000)).value();
  auto notified = std::make_unique<int>(0);
  running->SetNotify([&notified] { ++*notified; });
  waiting->SetNotify([&notified] { ++*notified; });
  gate.AwaitForward();
  std::jthread opener([&gate] { gate.Open(); });
  engine->Stop();
  EXPECT_GE(*notified, 2);
  notified.reset();
  EXPECT_TRUE(running->Take().finish.has_value());
  EXPECT_TRUE(waiting->Take().finish.has_value());
  EXPECT_EQ(engine->Submit(Ask({1}, 1)).error().code, ErrorCode::kUnavailable);
  engine->Stop();
}

TEST(Engine, RequestsThatCannotFitAreRefusedWithTheNumbers) {
  FakeModel model;
  EngineOptions options = SmallOptions(/*blocks=*/5);  // 20 tokens.
  options.context_max = 30;
  auto engine = Engine::Start(model, options).value();
  const std::vector<TokenId> ten(10, 1);
  const struct {
    Request request;
    ErrorCode code;
    const char* message;
  } cases[] = {
      {Ask({}, 5), ErrorCode::kInvalidArgument, "prompt is empty"},
      {Ask(ten, 0), ErrorCode::kInvalidArgument, "max_tokens is 0"},
      {Ask({53}, 5), ErrorCode::kInvalidArgument, "token 53"},
      {Ask({-1}, 5), ErrorCode::kInvalidArgument, "token -1"},
      {Ask(ten, 21), ErrorCode::kTooLarge,
       "10 tokens and max_tokens 21 are over the context of 30"},
      {Ask(ten, INT64_MAX), ErrorCode::kTooLarge, "over the context of 30"},
      {Ask(ten, 12), ErrorCode::kTooLarge, "10 tokens and max_tokens 12 are over the cache of 20"},
  };
  for (const auto& c : cases) {
    const auto result = engine->Submit(c.request);
    ASSERT_FALSE(result.has_value()) << c.message;
    EXPECT_EQ(result.error().code, c.code);
    EXPECT_THAT(result.error().message, HasSubstr(c.message));
  }
  EXPECT_EQ(engine->context_max(), 21);
  // 21 tokens, the last of which is never computed, just fit.
  EXPECT_EQ(ReadAll(*engine->Submit(Ask(ten, 11)).value()).tokens.size(), 11u);
}

TEST(Engine, DrainLetsAcceptedRequestsFinishAndRefusesNewOnes) {
  FakeModel model;
  Gate gate(model);
  auto engine = Engine::Start(model, SmallOptions()).value();
  auto stream = engine->Submit(Ask({1, 2}, 20)).value();
  gate.AwaitForward();
  engine->Drain(0ms);
  EXPECT_EQ(engine->Submit(Ask({1}, 1)).error().code, ErrorCode::kUnavailable);
  gate.Open();
  engine->Drain(10s);
  EXPECT_EQ(stream->Take().finish, FinishReason::kLength);
}

TEST(Engine, DestructionEndsOpenStreamsWhichOutliveIt) {
  FakeModel model;
  Gate gate(model);
  auto engine = Engine::Start(model, SmallOptions()).value();
  auto stream = engine->Submit(Ask({1, 2}, 1000)).value();
  auto waiting = engine->Submit(Ask({1, 2}, 1000)).value();
  gate.AwaitForward();
  std::jthread opener([&gate] { gate.Open(); });
  engine.reset();
  const TokenStream::Batch batch = stream->Take();
  EXPECT_TRUE(batch.finish == FinishReason::kCancelled ||
              batch.finish == FinishReason::kSlowReader);
  EXPECT_TRUE(waiting->Take().finish.has_value());
}

TEST(Engine, UnseededRequestsDiffer) {
  FakeModel model;
  auto engine = Engine::Start(model, SmallOptions()).value();
  Request request = Ask({1, 2, 3}, 40);
  request.sampling.seed.reset();
  const Answer one = ReadAll(*engine->Submit(request).value());
  const Answer two = ReadAll(*engine->Submit(request).value());
  EXPECT_NE(one.tokens, two.tokens);
}

TEST(Engine, StartRefusesOptionsOutOfRange) {
  FakeModel model;
  const struct {
    void (*change)(EngineOptions&);
    const char* message;
  } cases[] = {
      {[](EngineOptions& o) { o.queue_max = 0; }, "queue_max is 0"},
      {[](EngineOptions& o) { o.running_max = 17; }, "step_tokens_max is 16"},
      {[](EngineOptions& o) { o.cache_bytes = 1; }, "cache_bytes 1 holds 0 blocks"},
      {[](EngineOptions& o) { o.block_tokens = 0; }, "block_tokens is 0"},
      {[](EngineOptions& o) { o.stream_capacity = 0; }, "stream_capacity is 0"},
      {[](EngineOptions& o) { o.step_target = -1ms; }, "step_target is -1"},
      {[](EngineOptions& o) { o.context_max = -1; }, "context_max is -1"},
  };
  for (const auto& c : cases) {
    EngineOptions options = SmallOptions();
    c.change(options);
    const auto result = Engine::Start(model, options);
    ASSERT_FALSE(result.has_value()) << c.message;
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(result.error().message, HasSubstr(c.message));
  }
}

}  // namespace
}  // namespace holdfast::engine
