// Parity: the forward pass against exact logits (tests/data/parity, made by make_fixtures.py), and
// against itself in every form it takes.
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "convert/convert.h"
#include "json/json.h"
#include "model/model.h"
#include "parity/memory_checkpoint.h"
#include "parity/sequence_runner.h"
#include "weights/checkpoint.h"

namespace holdfast::parity {
namespace {

using model::Model;
using tensor::DType;

constexpr double kExactTolerance = 1e-5;
// Products with bf16 weights round the activations to bf16 too (2^-9), as the instruction does.
constexpr double kBFloat16Tolerance = 3e-2;

const std::filesystem::path kFixtures = HOLDFAST_SOURCE_DIR "/tests/data/parity";

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

Logits ReadLogits(const std::filesystem::path& path) {
  const std::string bytes = ReadFile(path);
  Logits logits(bytes.size() / sizeof(float));
  std::memcpy(logits.data(), bytes.data(), logits.size() * sizeof(float));
  return logits;
}

class Loaded {
 public:
  explicit Loaded(const std::filesystem::path& path, bool reference = false) {
    auto opened = weights::Checkpoint::Open(path);
    CHECK_MSG(opened, "{}", opened.error().message);
    checkpoint_ = std::move(*opened);
    Load(*checkpoint_, reference);
  }
  explicit Loaded(const weights::Checkpoint& checkpoint, bool reference = false) {
    Load(checkpoint, reference);
  }
  Model& operator*() { return *model_; }
  Model* operator->() { return model_.get(); }
  const weights::Checkpoint& checkpoint() const { return *checkpoint_; }
  std::int64_t vocab() const { return model_->config().vocab_size; }

 private:
  void Load(const weights::Checkpoint& checkpoint, bool reference) {
    auto loaded = Model::Load(checkpoint, pool_, {.reference_kernels = reference});
    CHECK_MSG(loaded, "{}", loaded.error().message);
    model_ = std::move(*loaded);
  }
  parallel::ThreadPool pool_{2};
  std::unique_ptr<weights::Checkpoint> checkpoint_;
  std::unique_ptr<Model> model_;
};

struct Fixture {
  const char* name;
  bool is_f32;
  bool has_mtp;
};

class ParityTest : public testing::TestWithParam<Fixture> {
 protected:
  std::filesystem::path folder() const { return kFixtures / GetParam().name; }
  std::vector<std::int32_t> tokens() const {
    std::vector<std::int32_t> tokens;
    const json::Value list = *json::Parse(ReadFile(folder() / "tokens.json"));
    for (const json::Value& token : list.as_array()) {
      tokens.push_back(static_cast<std::int32_t>(token.as_int64()));
    }
    return tokens;
  }
};

std::string FixtureName(const testing::TestParamInfo<Fixture>& info) {
  std::string name = info.param.name;
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Fixtures, ParityTest,
                         testing::Values(Fixture{"v3", true, true}, Fixture{"v3-odd", false, false},
                                         Fixture{"v2-lite", true, false},
                                         Fixture{"v2", false, false},
                                         Fixture{"v3-fp8", false, false},
                                         Fixture{"dense", true, false}),
                         FixtureName);

TEST_P(ParityTest, LogitsAreExactAtEveryPosition) {
  const Logits want = ReadLogits(folder() / "logits.f32");
  for (const bool reference : {true, false}) {
    for (const bool deterministic : {true, false}) {
      Loaded model(folder(), reference);
      const Logits got = RunWhole(*model, tokens(), {.deterministic = deterministic});
      const Distance distance = Compare(got, want, model.vocab());
      const bool is_exact = reference || GetParam().is_f32;
      EXPECT_LE(distance.max, is_exact ? kExactTolerance : kBFloat16Tolerance)
          << (reference ? "reference" : "fast") << (deterministic ? ", deterministic" : "");
      EXPECT_LE(distance.rms, is_exact ? kExactTolerance : kBFloat16Tolerance);
      RecordProperty(fmt::format("max_{}_{}", reference, deterministic),
                     fmt::format("{:.2e}", distance.max));
    }
  }
}

TEST_P(ParityTest, MtpLogitsAreExact) {
  Loaded model(folder());
  const std::vector<std::int32_t> ids = tokens();
  Logits got((ids.size() - 1) * model.vocab());
  const Result<void> result = model->ForwardMtp(ids, got.data());
  if (!GetParam().has_mtp) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kUnsupported);
    return;
  }
  ASSERT_TRUE(result) << result.error().message;
  const Distance distance = Compare(got, ReadLogits(folder() / "mtp.f32"), model.vocab());
  EXPECT_LE(distance.max, kExactTolerance);
  EXPECT_LE(distance.rms, kExactTolerance);
}

TEST_P(ParityTest, CachedAndChunkedAgreeWithWhole) {
  // Reference products, so that only the cut differs.
  for (const bool reference : {true, false}) {
    Loaded model(folder(), reference);
    const std::vector<std::int32_t> ids = tokens();
    const Logits whole = RunWhole(*model, ids);
    const double tolerance = reference || GetParam().is_f32 ? kExactTolerance : kBFloat16Tolerance;
    const std::vector<std::int64_t> one_by_one(ids.size(), 1);
    const std::vector<std::vector<std::int64_t>> cuts = {
        one_by_one, {1, 46, 1}, {13, 35}, {40, 5, 3}};
    for (const auto& sizes : cuts) {
      EXPECT_LE(Compare(RunSlices(*model, ids, sizes), whole, model.vocab()).max, tolerance);
    }
  }
}

TEST_P(ParityTest, DeterministicBitsDoNotDependOnTheCut) {
  Loaded model(folder());
  const std::vector<std::int32_t> ids = tokens();
  const Logits whole = RunWhole(*model, ids, {.deterministic = true});
  std::mt19937 random(3);
  for (int round = 0; round < 8; ++round) {
    std::vector<std::int64_t> sizes;
    for (std::int64_t left = static_cast<std::int64_t>(ids.size()); left > 0;) {
      sizes.push_back(std::min<std::int64_t>(left, 1 + random() % (round < 4 ? 40 : 6)));
      left -= sizes.back();
    }
    const RunOptions options{.block_tokens = static_cast<std::int64_t>(1 + random() % 40),
                             .deterministic = true,
                             .shuffles_blocks = true};
    EXPECT_EQ(RunSlices(*model, ids, sizes, options), whole);
  }
}

TEST_P(ParityTest, GgufGivesTheSameBits) {
  const auto target = std::filesystem::path(testing::TempDir()) /
                      fmt::format("parity_{}_{}.gguf", GetParam().name, ::getpid());
  parallel::ThreadPool pool(2);
  Loaded original(folder());
  const std::optional<DType> type =
      std::string_view(GetParam().name) == "v3-fp8" ? std::optional(DType::kF32) : std::nullopt;
  convert::ConvertOptions options;
  options.type = type;
  const auto report = convert::Convert(folder(), target, options, pool);
  ASSERT_TRUE(report) << report.error().message;
  {
    Loaded converted(target);
    const Logits got = RunWhole(*converted, tokens());
    // FP8 has no place in a GGUF: its twin holds the same values as f32.
    const Logits want =
        type ? RunWhole(
                   *Loaded(DequantizedTwin(original.checkpoint(), TensorNames(original->config()))),
                   tokens())
             : RunWhole(*original, tokens());
    EXPECT_EQ(got, want);
    if (GetParam().has_mtp) {
      Logits got_mtp((tokens().size() - 1) * original.vocab()), want_mtp = got_mtp;
      ASSERT_TRUE(converted->ForwardMtp(tokens(), got_mtp.data()));
      ASSERT_TRUE(original->ForwardMtp(tokens(), want_mtp.data()));
      EXPECT_EQ(got_mtp, want_mtp);
    }
  }
  std::filesystem::remove(target);
}

TEST(Parity, Fp8EqualsItsDequantizedTwin) {
  Loaded fp8(kFixtures / "v3-fp8", true);
  const MemoryCheckpoint twin = DequantizedTwin(fp8.checkpoint(), TensorNames(fp8->config()));
  Loaded plain(twin, true);
  const auto tokens = RandomTokens(90, fp8.vocab(), 8);
  EXPECT_LE(Compare(RunWhole(*fp8, tokens), RunWhole(*plain, tokens), fp8.vocab()).max, 1e-6);
}

}  // namespace
}  // namespace holdfast::parity
