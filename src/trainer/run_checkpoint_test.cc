#include "trainer/run_checkpoint.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trainer/test_folder.h"
#include "trainer/test_models.h"

namespace holdfast::trainer {
namespace {

class RunCheckpointTest : public testing::Test {
 protected:
  RunCheckpointTest() : layout_(*ParameterLayout::Make(TinyConfig())) {}

  std::unique_ptr<TrainState> MakeState(std::uint64_t seed) {
    TrainStateOptions options;
    options.bf16 = options.optimizer.bf16 = false;
    options.micro_batch_tokens = 48;
    options.seq_len_max = 24;
    options.seed = seed;
    return std::make_unique<TrainState>(layout_, options, pool_);
  }

  static std::string ReadFile(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }

  TestFolder folder_;
  parallel::ThreadPool pool_{1};
  ParameterLayout layout_;
};

TEST_F(RunCheckpointTest, RestoresEveryArrayAndCounter) {
  const auto state = MakeState(1), other = MakeState(2);
  state->Step(RandomBatch(2, 24, 97, 1), {.learning_rate = 0.01});
  const RunProgress progress{.step = 12,
                             .stage = 1,
                             .stage_step = 5,
                             .stage_steps = 9,
                             .cursor = std::string("a\0b", 3),
                             .ledger = {{"tokens", 5}}};
  const auto saved = SaveRunCheckpoint(folder_.path(), progress, *state, 2);
  ASSERT_TRUE(saved.has_value()) << saved.error().message;
  const auto loaded = LoadRunCheckpoint(saved->path, *other);
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
  EXPECT_EQ(loaded->step, 12);
  EXPECT_EQ(loaded->stage, 1);
  EXPECT_EQ(loaded->stage_step, 5);
  EXPECT_EQ(loaded->stage_steps, 9);
  EXPECT_EQ(loaded->cursor, progress.cursor);
  EXPECT_EQ(loaded->ledger.at("tokens").as_int64(), 5);
  EXPECT_EQ(other->optimizer().steps(), 1);
  const auto same = [](std::span<const float> a, std::span<const float> b) {
    return std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
  };
  EXPECT_TRUE(same(state->weights(), other->weights()));
  EXPECT_TRUE(same(state->router_bias(), other->router_bias()));
  EXPECT_TRUE(same(state->optimizer().first_moment(), other->optimizer().first_moment()));
  EXPECT_TRUE(same(state->optimizer().second_moment(), other->optimizer().second_moment()));
}

TEST_F(RunCheckpointTest, ALedgerThatCouldNotBeReadAgainIsNotWritten) {
  const auto state = MakeState(1);
  const RunProgress progress{.step = 1, .cursor = "c", .ledger = {{"flops", std::nan("")}}};
  const auto saved = SaveRunCheckpoint(folder_.path(), progress, *state, 2);
  ASSERT_FALSE(saved.has_value());
  EXPECT_NE(saved.error().message.find("not finite"), std::string::npos);
  EXPECT_TRUE(ListRunCheckpoints(folder_.path()).empty());
}

TEST_F(RunCheckpointTest, KeepsTheNewest) {
  const auto state = MakeState(1);
  for (const std::int64_t step : {5, 10, 15, 100}) {
    ASSERT_TRUE(
        SaveRunCheckpoint(folder_.path(), {.step = step, .cursor = {}, .ledger = {}}, *state, 2)
            .has_value());
  }
  const auto all = ListRunCheckpoints(folder_.path());
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].step, 100);
  EXPECT_EQ(all[1].step, 15);
  EXPECT_TRUE(ListRunCheckpoints(folder_.path() / "none").empty());
}

TEST_F(RunCheckpointTest, AnyDamageIsCorruptAndLeavesTheStateAlone) {
  const auto state = MakeState(1), other = MakeState(2);
  const auto saved =
      SaveRunCheckpoint(folder_.path(), {.step = 1, .cursor = "c", .ledger = {}}, *state, 2);
  ASSERT_TRUE(saved.has_value());
  const std::string good = ReadFile(saved->path);
  const std::vector<float> before(other->weights().begin(), other->weights().end());
  std::vector<std::string> damaged = {"", good.substr(0, 7), good.substr(0, good.size() / 2),
                                      good + "x"};
  for (std::size_t at = 0; at < good.size(); at += good.size() / 37) {
    damaged.push_back(good);
    damaged.back()[at] ^= 4;
  }
  for (const std::string& bytes : damaged) {
    std::ofstream(saved->path, std::ios::binary | std::ios::trunc) << bytes;
    const auto loaded = LoadRunCheckpoint(saved->path, *other);
    ASSERT_FALSE(loaded.has_value());
    EXPECT_EQ(loaded.error().code, ErrorCode::kCorrupt) << loaded.error().message;
  }
  EXPECT_EQ(std::memcmp(before.data(), other->weights().data(), before.size() * sizeof(float)), 0);
}

TEST_F(RunCheckpointTest, AnotherModelsCheckpointIsRefused) {
  const auto state = MakeState(1);
  const auto saved =
      SaveRunCheckpoint(folder_.path(), {.step = 1, .cursor = {}, .ledger = {}}, *state, 2);
  ASSERT_TRUE(saved.has_value());
  model::ModelConfig config = TinyConfig();
  config.q_lora_rank = 8;
  const auto layout = ParameterLayout::Make(config);
  TrainStateOptions options;
  options.bf16 = options.optimizer.bf16 = false;
  options.seq_len_max = 24;
  TrainState other(*layout, options, pool_);
  const auto loaded = LoadRunCheckpoint(saved->path, other);
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error().code, ErrorCode::kInvalidArgument);
}

// A file-size limit stands for the full disk: writing fails in the middle of the file.
TEST_F(RunCheckpointTest, WriteThatFailsHalfWayLeavesThePreviousOneWhole) {
  const auto state = MakeState(1), other = MakeState(2);
  ASSERT_TRUE(SaveRunCheckpoint(folder_.path(), {.step = 1, .cursor = {}, .ledger = {}}, *state, 1)
                  .has_value());
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 100'000, .rlim_max = 100'000};
    setrlimit(RLIMIT_FSIZE, &limit);
    const auto saved =
        SaveRunCheckpoint(folder_.path(), {.step = 2, .cursor = {}, .ledger = {}}, *state, 1);
    const bool is_error = !saved && (saved.error().code == ErrorCode::kIo ||
                                     saved.error().code == ErrorCode::kDiskFull ||
                                     saved.error().code == ErrorCode::kTooLarge);
    _exit(is_error ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  const auto all = ListRunCheckpoints(folder_.path());
  ASSERT_EQ(all.size(), 1u);
  EXPECT_TRUE(LoadRunCheckpoint(all[0].path, *other).has_value());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
}

}  // namespace
}  // namespace holdfast::trainer
