#include "trainer/training_run.h"

#include <chrono>
#include <cstring>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/random.h"
#include "kernels/gemm.h"
#include "trainer/data/token_shard.h"
#include "trainer/history.h"
#include "trainer/recipe.h"
#include "trainer/run_checkpoint.h"
#include "trainer/test_folder.h"
#include "trainer/test_recipe.h"

namespace holdfast::trainer {
namespace {

const std::string kRecipe = std::string(R"(
name = "tiny"
threads = 2
lanes = 2
micro_batch_tokens = 64
checkpoint_minutes = 0
checkpoints_kept = 3
heldout = ["words"]
heldout_tokens = 64
heldout_every_steps = 7
)") + kTinyModelTable + R"(
num_nextn_predict_layers = 1
[[stage]]
name = "first"
tokens = 1536
batch_tokens = 128
seq_len = 32
data = [ { set = "words", epochs = 1 } ]
[[stage]]
name = "second"
kind = "sft"
tokens = 512
batch_tokens = 128
seq_len = 64
data = [ { set = "words", epochs = 1 } ]
[[stage]]
name = "third"
kind = "mtp"
tokens = 512
batch_tokens = 128
seq_len = 32
data = [ { set = "words", epochs = 1 } ]
)";
constexpr std::int64_t kSteps = 20;  // 12, 4 and 4.

class TrainingRunTest : public testing::Test {
 protected:
  TrainingRunTest() {
    std::filesystem::create_directories(folder_.path() / "data" / "shards");
    std::ofstream(folder_.path() / "recipe.toml") << kRecipe;
    TokenShardBuilder builder(std::vector<std::uint8_t>(64, 1), 2, false);
    Random random(1);
    for (int document = 0; document < 120; ++document) {
      std::vector<std::int32_t> ids;
      const std::int32_t start = static_cast<std::int32_t>(random.Next() % 40);
      for (int i = 0; i < 20; ++i) ids.push_back(3 + (start + i * 3) % 60);
      builder.Add(ids, {});
    }
    CHECK(builder.Write(folder_.path() / "data" / "shards" / "words.tokens").has_value());
  }

  Result<json::Object> Run(const std::string& out, bool resume, std::int64_t steps_max = 0) {
    TrainingRunOptions options;
    options.recipe = folder_.path() / "recipe.toml";
    options.data = folder_.path() / "data";
    options.out = folder_.path() / out;
    options.resume = resume;
    options.steps_max = steps_max;
    options.stop = &stop_;
    options.decay = &decay_;
    return RunTraining(options);
  }

  // Everything that a run's newest checkpoint says of the model and its training, as bytes.
  std::string FinalState(const std::string& out) {
    const auto recipe = LoadRecipe(folder_.path() / "recipe.toml");
    const auto layout = ParameterLayout::Make(recipe->model);
    parallel::ThreadPool pool(1);
    TrainStateOptions options;
    options.bf16 = options.optimizer.bf16 = false;
    TrainState state(*layout, options, pool);
    const auto all = ListRunCheckpoints(folder_.path() / out / "checkpoints");
    CHECK(!all.empty());
    const auto progress = LoadRunCheckpoint(all[0].path, state);
    CHECK_MSG(progress.has_value(), "{}", progress.error().message);
    std::string bytes = fmt::format("{} {} {} {}\n", progress->step, progress->stage,
                                    progress->stage_step, state.optimizer().steps());
    for (const std::span<const float> part :
         {std::span<const float>(state.weights()), std::span<const float>(state.router_bias()),
          std::span<const float>(state.optimizer().first_moment()),
          std::span<const float>(state.optimizer().second_moment())}) {
      bytes.append(reinterpret_cast<const char*>(part.data()), part.size_bytes());
    }
    return bytes;
  }

  TestFolder folder_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> decay_{false};
};

TEST_F(TrainingRunTest, RefusesDataThatDoesNotFitBeforeItTrains) {
  const struct {
    const char* from;
    const char* to;
    const char* message;
  } cases[] = {
      {"vocab_size = 64", "vocab_size = 63",
       "words.tokens: vocabulary of 64, the model's vocab_size is 63"},
      // Of the last stage.
      {"seq_len = 32\ndata = [ { set = \"words\", epochs = 1 } ]\n\n",
       "seq_len = 32\ndata = [ { set = \"sword\", epochs = 1 } ]\n", "sword.tokens"},
  };
  for (const auto& c : cases) {
    std::string text = kRecipe + "\n";
    const std::size_t at = text.rfind(c.from);
    ASSERT_NE(at, std::string::npos) << c.from;
    text.replace(at, std::string(c.from).size(), c.to);
    std::ofstream(folder_.path() / "recipe.toml") << text;
    const auto ran = Run("out", false);
    ASSERT_FALSE(ran.has_value()) << c.to;
    EXPECT_NE(ran.error().message.find(c.message), std::string::npos) << ran.error().message;
    EXPECT_TRUE(ListRunCheckpoints(folder_.path() / "out" / "checkpoints").empty());
  }
}

TEST_F(TrainingRunTest, GoesThroughAllStagesAndLeavesModelLedgerHistoryAndReport) {
  const auto ledger = Run("whole", false);
  ASSERT_TRUE(ledger.has_value()) << ledger.error().message;
  EXPECT_EQ(ledger->at("steps").as_int64(), kSteps);
  EXPECT_EQ(ledger->at("tokens").as_int64(), kSteps * 128);
  const auto out = folder_.path() / "whole";
  for (const char* name : {"ledger.json", "report.html", "recipe.toml", "model/config.json",
                           "model/model.safetensors"}) {
    EXPECT_TRUE(std::filesystem::exists(out / name)) << name;
  }
  const auto history = ReadHistory(out / "history.jsonl");
  ASSERT_GE(history.size(), 4u);
  EXPECT_TRUE(json::Find(history.back(), "heldout") != nullptr);
  EXPECT_EQ(ListRunCheckpoints(out / "checkpoints").size(), 3u);
}

TEST_F(TrainingRunTest, TenStepsAndTenResumedAreTwentyToTheBit) {
  ASSERT_TRUE(Run("whole", false).has_value());
  ASSERT_TRUE(Run("parts", false, 10).has_value());
  ASSERT_TRUE(Run("parts", true, 3).has_value());
  ASSERT_TRUE(Run("parts", true).has_value());
  EXPECT_TRUE(FinalState("whole") == FinalState("parts"));
}

TEST_F(TrainingRunTest, ARunIsNotOverwrittenUnlessResumed) {
  ASSERT_TRUE(Run("whole", false, 2).has_value());
  const auto again = Run("whole", false, 2);
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, ErrorCode::kAlreadyExists);
}

TEST_F(TrainingRunTest, StopSignalWritesACheckpointAndEnds) {
  stop_ = true;
  ASSERT_TRUE(Run("whole", false).has_value());
  stop_ = false;
  ASSERT_TRUE(Run("whole", true).has_value());
  ASSERT_TRUE(Run("other", false).has_value());
  EXPECT_TRUE(FinalState("whole") == FinalState("other"));
}

TEST_F(TrainingRunTest, DecaySignalShortensTheStage) {
  decay_ = true;
  const auto ledger = Run("whole", false);
  ASSERT_TRUE(ledger.has_value()) << ledger.error().message;
  EXPECT_LT(ledger->at("steps").as_int64(), kSteps);
}

TEST_F(TrainingRunTest, MissingShardIsTold) {
  std::filesystem::remove(folder_.path() / "data" / "shards" / "words.tokens");
  const auto ledger = Run("whole", false);
  ASSERT_FALSE(ledger.has_value());
  EXPECT_EQ(ledger.error().code, ErrorCode::kNotFound);
  EXPECT_NE(ledger.error().message.find("words.tokens"), std::string::npos);
}

// Killed without warning right after its 1st, 4th, ... checkpoint, in the middle of what comes next
// (the step, the next checkpoint's file), and resumed each time: nothing is lost but time.
TEST_F(TrainingRunTest, KilledAtAnyMomentItResumesToTheSameBits) {
  constexpr auto kPatience = std::chrono::seconds(60);
  for (const std::int64_t target : {1, 4, 9, 13, 18}) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      (void)Run("killed", true);
      _exit(0);
    }
    const auto start = std::chrono::steady_clock::now();
    for (;;) {
      const auto all = ListRunCheckpoints(folder_.path() / "killed" / "checkpoints");
      if (!all.empty() && all[0].step >= target) break;
      ASSERT_LT(std::chrono::steady_clock::now() - start, kPatience);
      std::this_thread::yield();
    }
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status));
    const auto all = ListRunCheckpoints(folder_.path() / "killed" / "checkpoints");
    ASSERT_FALSE(all.empty());
    EXPECT_GE(all[0].step, target);
  }
  ASSERT_TRUE(Run("killed", true).has_value());
  ASSERT_TRUE(Run("whole", false).has_value());
  EXPECT_TRUE(FinalState("killed") == FinalState("whole"));
}

}  // namespace
}  // namespace holdfast::trainer
