// The engine over real weights: an answer is a matter of the request alone. The same requests get
// the same tokens one at a time and in a crowd; with `deterministic` also when blocks run out, when
// prompts are cut into chunks and when prefixes come from the cache.
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/engine.h"
#include "engine/random.h"
#include "model/model.h"
#include "parallel/thread_pool.h"
#include "weights/checkpoint.h"

namespace holdfast::engine {
namespace {

constexpr std::int64_t kBlockTokens = 4;

// Counts streams that have something to take.
class Bell {
 public:
  void Ring() {
    const std::lock_guard lock(mutex_);
    is_rung_ = true;
    rung_.notify_one();
  }
  void Await() {
    std::unique_lock lock(mutex_);
    rung_.wait(lock, [this] { return is_rung_; });
    is_rung_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable rung_;
  bool is_rung_ = false;
};

struct Answer {
  std::vector<TokenId> tokens;
  std::vector<float> logprobs;
  FinishReason finish = FinishReason::kError;
  Usage usage;
};

// Submits all at once and reads until all have ended.
std::vector<Answer> RunTogether(Engine& engine, const std::vector<Request>& requests) {
  Bell bell;
  std::vector<Answer> answers(requests.size());
  std::vector<std::unique_ptr<TokenStream>> streams;
  for (const Request& request : requests) {
    streams.push_back(engine.Submit(request).value());
    streams.back()->SetNotify([&bell] { bell.Ring(); });
  }
  for (std::size_t open = streams.size(); open > 0;) {
    bell.Await();
    for (std::size_t i = 0; i < streams.size(); ++i) {
      const TokenStream::Batch batch = streams[i]->Take();
      for (const TokenEvent& token : batch.tokens) {
        answers[i].tokens.push_back(token.id);
        answers[i].logprobs.push_back(token.logprob);
      }
      if (!batch.finish) continue;
      answers[i].finish = *batch.finish;
      answers[i].usage = batch.usage;
      --open;
    }
  }
  return answers;
}

std::vector<Answer> RunOneByOne(Engine& engine, const std::vector<Request>& requests) {
  std::vector<Answer> answers;
  for (const Request& request : requests) {
    answers.push_back(RunTogether(engine, {request}).front());
  }
  return answers;
}

void ExpectEqual(const std::vector<Answer>& one, const std::vector<Answer>& other) {
  ASSERT_EQ(one.size(), other.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].finish, FinishReason::kLength);
    EXPECT_EQ(one[i].tokens, other[i].tokens) << "request " << i;
    EXPECT_EQ(one[i].logprobs, other[i].logprobs) << "request " << i << ", to the last bit";
  }
}

class RealModel : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::filesystem::path path =
        std::filesystem::path(HOLDFAST_SOURCE_DIR) / "tests/data/parity" / GetParam();
    checkpoint_ = weights::Checkpoint::Open(path).value();
    model_ = model::Model::Load(*checkpoint_, pool_, {}).value();
  }

  std::unique_ptr<Engine> Start(std::int64_t blocks, std::int64_t step_tokens_max,
                                bool deterministic, metrics::Registry* registry = nullptr) {
    EngineOptions options;
    options.running_max = 12;
    options.step_tokens_max = step_tokens_max;
    options.block_tokens = kBlockTokens;
    options.cache_bytes = blocks * model::LatentCache::BlockBytes(model_->config(), kBlockTokens);
    options.step_target = std::chrono::milliseconds(0);
    options.deterministic = deterministic;
    return Engine::Start(*model_, options, registry).value();
  }

  // Prompts of 1 to 40 tokens that share beginnings, answers of 12 to 36 tokens, all kinds of
  // sampling.
  std::vector<Request> Requests(const std::string& caller) const {
    std::vector<Request> requests;
    for (std::uint64_t r = 0; r < 12; ++r) {
      Request request;
      const std::uint64_t length = 1 + RandomBits(r, 0) % 40;
      for (std::uint64_t i = 0; i < length; ++i) {
        const std::uint64_t story = i < 20 ? r % 2 : r;
        request.prompt.push_back(static_cast<TokenId>(
            RandomBits(100 + story, i) % static_cast<std::uint64_t>(model_->config().vocab_size)));
      }
      request.max_tokens = 12 + static_cast<std::int64_t>(r) * 2;
      request.sampling.seed = r;
      request.sampling.temperature = r % 3 == 0 ? 0.0f : 0.9f;
      if (r % 4 == 1) request.sampling.top_p = 0.8f;
      if (r % 4 == 2) request.sampling.repetition_penalty = 1.2f;
      request.sampling.top_logprobs = 0;
      request.caller = caller;
      requests.push_back(std::move(request));
    }
    return requests;
  }

  parallel::ThreadPool pool_{2};
  std::unique_ptr<weights::Checkpoint> checkpoint_;
  std::unique_ptr<model::Model> model_;
};

TEST_P(RealModel, AnswersAreTheSameAloneAndInABatch) {
  const std::vector<Request> requests = Requests("");
  // Wide steps and many blocks: nothing is cut, nothing preempted.
  const auto alone = RunOneByOne(*Start(400, 512, false), requests);
  const auto together = RunTogether(*Start(400, 512, false), requests);
  ExpectEqual(alone, together);
}

TEST_P(RealModel, DeterministicAnswersDoNotDependOnChunksPreemptionOrCachedPrefixes) {
  const auto alone = RunOneByOne(*Start(400, 512, true), Requests(""));
  metrics::Registry registry;
  // Chunks of a few tokens, and room for less than the batch.
  const auto engine = Start(28, 16, true, &registry);
  ExpectEqual(alone, RunTogether(*engine, Requests("ann")));
  const std::string text = registry.ExposeText();
  EXPECT_EQ(text.find("holdfast_engine_preemptions_total 0\n"), std::string::npos);
  // A second time from what is cached.
  const auto cached = RunOneByOne(*engine, Requests("ann"));
  ExpectEqual(alone, cached);
  std::int64_t cached_tokens = 0;
  for (const Answer& answer : cached) cached_tokens += answer.usage.cached_tokens;
  EXPECT_GT(cached_tokens, 50);
  engine->Drain(std::chrono::seconds(10));
  const Load load = engine->load();
  EXPECT_EQ(load.blocks_free, load.blocks_total);
}

INSTANTIATE_TEST_SUITE_P(Shapes, RealModel, ::testing::Values("dense", "v2", "v2-lite", "v3"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace holdfast::engine
