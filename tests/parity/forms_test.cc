// One model, many forms: random shapes and types, where the fast kernels must agree with the plain
// ones and a sequence's logits may not depend on its company.
#include <cmath>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/quant/quantize.h"
#include "model/model.h"
#include "parity/memory_checkpoint.h"
#include "parity/sequence_runner.h"

namespace holdfast::parity {
namespace {

using model::Model;
using model::ModelConfig;
using tensor::DType;

std::unique_ptr<Model> LoadModel(const weights::Checkpoint& checkpoint, parallel::ThreadPool& pool,
                                 bool reference = false) {
  auto loaded = Model::Load(checkpoint, pool, {.reference_kernels = reference});
  CHECK_MSG(loaded, "{}", loaded.error().message);
  return std::move(*loaded);
}

// Any shape the configuration allows; nothing is a multiple of anything on purpose.
ModelConfig RandomConfig(std::uint32_t seed) {
  std::mt19937 random(seed);
  const auto pick = [&](std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(random() % (high - low + 1));
  };
  ModelConfig config;
  config.vocab_size = pick(20, 90);
  config.hidden_size = pick(5, 70);
  config.intermediate_size = pick(3, 90);
  config.moe_intermediate_size = pick(1, 50);
  config.num_hidden_layers = pick(1, 3);
  config.first_k_dense_replace = pick(0, 2);
  config.num_attention_heads = pick(1, 5);
  config.n_group = pick(1, 3);
  config.topk_group = pick(1, config.n_group);
  const std::int64_t group_size = pick(1, 4);
  config.n_routed_experts = config.n_group * group_size;
  config.num_experts_per_tok = pick(1, config.topk_group * group_size);
  config.n_shared_experts = pick(0, 2);
  config.scoring_func = random() % 2 ? model::ScoringFunc::kSigmoid : model::ScoringFunc::kSoftmax;
  config.topk_method = static_cast<model::TopkMethod>(random() % 3);
  config.norm_topk_prob = random() % 2;
  config.routed_scaling_factor = 1.5;
  config.q_lora_rank = random() % 2 ? pick(3, 40) : 0;
  config.kv_lora_rank = pick(3, 80);
  config.qk_nope_head_dim = pick(1, 40);
  config.qk_rope_head_dim = 2 * pick(1, 12);
  config.v_head_dim = pick(1, 40);
  config.num_nextn_predict_layers = random() % 2;
  if (random() % 2) config.rope_scaling = model::YarnConfig{40, 16, 32, 1, 1.0, 0.8};
  return config;
}

TEST(Forms, RandomShapesAgreeWithTheReference) {
  parallel::ThreadPool pool(2);
  for (std::uint32_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const ModelConfig config = RandomConfig(seed);
    const MemoryCheckpoint checkpoint = RandomCheckpoint(config, DType::kF32, seed);
    const auto fast = LoadModel(checkpoint, pool), plain = LoadModel(checkpoint, pool, true);
    const auto tokens = RandomTokens(70, config.vocab_size, seed);
    const Logits want = RunWhole(*plain, tokens);
    EXPECT_LE(Compare(RunWhole(*fast, tokens), want, config.vocab_size).max, 2e-5);
    EXPECT_LE(
        Compare(RunWhole(*fast, tokens, {.deterministic = true}), want, config.vocab_size).max,
        2e-5);
    if (config.num_nextn_predict_layers == 0) continue;
    Logits got_mtp(69 * config.vocab_size), want_mtp = got_mtp;
    ASSERT_TRUE(fast->ForwardMtp(tokens, got_mtp.data()));
    ASSERT_TRUE(plain->ForwardMtp(tokens, want_mtp.data()));
    EXPECT_LE(Compare(got_mtp, want_mtp, config.vocab_size).max, 2e-5);
  }
}

TEST(Forms, SplitKeyValueWeightsGiveTheBitsOfFusedOnes) {
  parallel::ThreadPool pool(2);
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    const ModelConfig config = RandomConfig(100);
    const MemoryCheckpoint fused = RandomCheckpoint(config, dtype, 9);
    const MemoryCheckpoint split = SplitTwin(fused, config);
    const auto tokens = RandomTokens(60, config.vocab_size, 9);
    for (const bool deterministic : {false, true}) {
      const RunOptions options{.deterministic = deterministic};
      EXPECT_EQ(RunWhole(*LoadModel(fused, pool), tokens, options),
                RunWhole(*LoadModel(split, pool), tokens, options));
    }
  }
}

// A shape whose rows are whole blocks of every quantized type.
ModelConfig BlockConfig() {
  ModelConfig config;
  config.vocab_size = 96;
  config.hidden_size = 256;
  config.intermediate_size = 512;
  config.moe_intermediate_size = 256;
  config.num_hidden_layers = 2;
  config.first_k_dense_replace = 1;
  config.num_attention_heads = 4;
  config.n_routed_experts = 8;
  config.n_shared_experts = 1;
  config.num_experts_per_tok = 2;
  config.n_group = 2;
  config.topk_group = 1;
  config.q_lora_rank = 256;
  config.kv_lora_rank = 256;
  config.qk_nope_head_dim = 64;
  config.qk_rope_head_dim = 32;
  config.v_head_dim = 64;
  return config;
}

struct TypeCase {
  DType dtype;
  double tolerance;  // Of activations quantized by the fast kernels.
};

class StoredType : public testing::TestWithParam<TypeCase> {};

INSTANTIATE_TEST_SUITE_P(All, StoredType,
                         testing::Values(TypeCase{DType::kF32, 1e-5}, TypeCase{DType::kBF16, 4e-2},
                                         TypeCase{DType::kF16, 4e-2}, TypeCase{DType::kQ8_0, 6e-2},
                                         TypeCase{DType::kQ4_0, 6e-2}, TypeCase{DType::kQ4_1, 6e-2},
                                         TypeCase{DType::kQ5_0, 6e-2}, TypeCase{DType::kQ5_1, 6e-2},
                                         TypeCase{DType::kQ4_K, 6e-2}, TypeCase{DType::kQ5_K, 6e-2},
                                         TypeCase{DType::kQ6_K, 6e-2}),
                         [](const auto& info) {
                           return std::string(tensor::DTypeName(info.param.dtype));
                         });

TEST_P(StoredType, FastAgreesWithReference) {
  parallel::ThreadPool pool(2);
  ModelConfig config = BlockConfig();
  config.n_routed_experts = 0;
  config.first_k_dense_replace = config.num_hidden_layers;
  const MemoryCheckpoint checkpoint = RandomCheckpoint(config, GetParam().dtype, 4);
  const auto fast = LoadModel(checkpoint, pool), plain = LoadModel(checkpoint, pool, true);
  const auto tokens = RandomTokens(24, config.vocab_size, 4);
  const Distance distance =
      Compare(RunWhole(*fast, tokens), RunWhole(*plain, tokens), config.vocab_size);
  EXPECT_LE(distance.max, GetParam().tolerance);
  RecordProperty("max", fmt::format("{:.2e}", distance.max));
  RecordProperty("rms", fmt::format("{:.2e}", distance.rms));
}

// A norm's weight that is no number makes activations so; whatever the matrices are stored as, the
// logits must show it.
TEST_P(StoredType, ActivationsThatAreNoNumbersReachTheLogits) {
  parallel::ThreadPool pool(2);
  const ModelConfig config = BlockConfig();
  const auto tokens = RandomTokens(12, config.vocab_size, 4);
  MemoryCheckpoint checkpoint = RandomCheckpoint(config, GetParam().dtype, 4);
  for (const char* name :
       {"model.layers.0.input_layernorm.weight", "model.layers.0.self_attn.q_a_layernorm.weight",
        "model.layers.1.self_attn.kv_a_layernorm.weight",
        "model.layers.0.post_attention_layernorm.weight",
        "model.layers.1.post_attention_layernorm.weight", "model.norm.weight"}) {
    const tensor::TensorView view = *checkpoint.Find(name);
    std::vector<float> values(view.shape.Count());
    kernels::DequantizeViewRow(view, 0, values.data());
    const float sound = values[5];
    for (const float value : {NAN, INFINITY, sound}) {
      values[5] = value;
      checkpoint.Remove(name);
      checkpoint.Add(name, DType::kF32, view.shape, values);
      const auto model = LoadModel(checkpoint, pool);
      for (const bool deterministic : {false, true}) {
        const Logits logits = RunWhole(*model, tokens, {.deterministic = deterministic});
        for (const float logit : logits) ASSERT_EQ(std::isfinite(logit), value == sound) << name;
      }
    }
  }
}

// Quantized activations now and then turn a near tie of the router: then a position has another
// expert and logits of its own. Most positions must agree.
TEST_P(StoredType, FastAgreesWithReferenceWithExperts) {
  parallel::ThreadPool pool(2);
  const ModelConfig config = BlockConfig();
  const MemoryCheckpoint checkpoint = RandomCheckpoint(config, GetParam().dtype, 4);
  const auto fast = LoadModel(checkpoint, pool), plain = LoadModel(checkpoint, pool, true);
  const auto tokens = RandomTokens(40, config.vocab_size, 4);
  const Logits got = RunWhole(*fast, tokens), want = RunWhole(*plain, tokens);
  int far = 0;
  for (std::int64_t row = 0; row < 40; ++row) {
    const auto part = [&](const Logits& logits) {
      return Logits(logits.begin() + row * config.vocab_size,
                    logits.begin() + (row + 1) * config.vocab_size);
    };
    far += Compare(part(got), part(want), config.vocab_size).max > GetParam().tolerance;
  }
  EXPECT_LE(far, 6);
  RecordProperty("far", far);
}

// One sequence being computed: where it is in its tokens, and the logits it has had so far.
struct Running {
  std::vector<std::int32_t> tokens;
  std::vector<std::int64_t> sizes;  // Slices still to come, last first.
  std::vector<model::BlockId> table;
  std::int64_t at = 0;
  Logits logits;
};

// Runs all sequences at once, each step batching a random choice of them in random order.
void RunTogether(Model& model, std::vector<Running>& sequences, bool deterministic,
                 std::mt19937& random) {
  constexpr std::int64_t kBlockTokens = 8;
  const std::int64_t vocab = model.config().vocab_size;
  std::int64_t blocks = 0;
  for (Running& sequence : sequences) {
    const auto count = static_cast<std::int64_t>(sequence.tokens.size());
    for (std::int64_t p = 0; p < count; p += kBlockTokens) {
      sequence.table.push_back(static_cast<model::BlockId>(blocks++));
    }
    sequence.logits.resize(count * vocab);
  }
  model::LatentCache cache(model.config(), {kBlockTokens, blocks});
  for (;;) {
    std::vector<Running*> chosen;
    for (Running& sequence : sequences) {
      if (!sequence.sizes.empty() && random() % 3 != 0) chosen.push_back(&sequence);
    }
    std::ranges::shuffle(chosen, random);
    std::vector<model::Slice> slices;
    std::int64_t rows = 0;
    for (const Running* sequence : chosen) {
      const std::int64_t size = sequence->sizes.back();
      slices.push_back({std::span(sequence->tokens).subspan(sequence->at, size), sequence->at,
                        sequence->table, model::Slice::Logits::kAll});
      rows += size;
    }
    Logits logits(rows * vocab);
    model.Forward(slices, cache, logits.data(), {.deterministic = deterministic});
    const float* from = logits.data();
    for (Running* sequence : chosen) {
      const std::int64_t floats = sequence->sizes.back() * vocab;
      std::copy_n(from, floats, sequence->logits.data() + sequence->at * vocab);
      from += floats;
      sequence->at += sequence->sizes.back();
      sequence->sizes.pop_back();
    }
    if (std::ranges::all_of(sequences, [](const Running& s) { return s.sizes.empty(); })) return;
  }
}

TEST_P(StoredType, BitsDoNotDependOnTheCompany) {
  const ModelConfig config = BlockConfig();
  const MemoryCheckpoint checkpoint = RandomCheckpoint(config, GetParam().dtype, 6);
  parallel::ThreadPool pool(2), other_pool(3);
  const auto model = LoadModel(checkpoint, pool), alone_model = LoadModel(checkpoint, other_pool);
  std::mt19937 random(17);
  for (int round = 0; round < 4; ++round) {
    const bool deterministic = round % 2 == 1;
    std::vector<Running> sequences(2 + random() % 6);
    for (Running& sequence : sequences) {
      // Long slices (the expanded form; from 43 rows on for this shape) beside decoding ones.
      std::int64_t total = 0;
      for (int i = 0; i < 4; ++i) {
        sequence.sizes.push_back(random() % 4 == 0 ? 150 + random() % 20 : 1 + random() % 12);
        total += sequence.sizes.back();
      }
      sequence.tokens = RandomTokens(total, config.vocab_size, random());
    }
    std::vector<Running> together = sequences;
    RunTogether(*model, together, deterministic, random);
    for (std::size_t s = 0; s < sequences.size(); ++s) {
      std::vector<std::int64_t> sizes(sequences[s].sizes.rbegin(), sequences[s].sizes.rend());
      const Logits alone =
          RunSlices(*alone_model, sequences[s].tokens, sizes, {.deterministic = deterministic});
      ASSERT_EQ(together[s].logits, alone) << "round " << round << ", sequence " << s;
    }
  }
}

TEST(Forms, LastAndNoLogitsChangeNoBits) {
  parallel::ThreadPool pool(2);
  const ModelConfig config = RandomConfig(3);
  const MemoryCheckpoint checkpoint = RandomCheckpoint(config, DType::kF32, 3);
  const auto model = LoadModel(checkpoint, pool);
  const auto tokens = RandomTokens(50, config.vocab_size, 3);
  const std::vector<std::int64_t> sizes = {49, 1};
  const Logits all = RunSlices(*model, tokens, sizes);
  const std::vector<model::BlockId> table = {0, 1, 2, 3};
  model::LatentCache cache(config, {32, 4});
  const std::int64_t vocab = config.vocab_size;
  Logits last(2 * vocab);
  // Two sequences in one batch; the first wants nothing now.
  const model::Slice quiet{std::span(tokens).first(49), 0, std::span(table).first(2),
                           model::Slice::Logits::kNone};
  const model::Slice loud{std::span(tokens).first(49), 0, std::span(table).last(2),
                          model::Slice::Logits::kLast};
  model->Forward(std::vector{quiet, loud}, cache, last.data(), {});
  const model::Slice next{std::span(tokens).last(1), 49, std::span(table).first(2),
                          model::Slice::Logits::kLast};
  model->Forward({&next, 1}, cache, last.data() + vocab, {});
  EXPECT_EQ(last, Logits(all.end() - 2 * vocab, all.end()));
}

TEST_P(StoredType, DeterministicBitsDoNotDependOnTheCut) {
  const ModelConfig config = BlockConfig();
  const MemoryCheckpoint checkpoint = RandomCheckpoint(config, GetParam().dtype, 7);
  parallel::ThreadPool pool(2);
  const auto model = LoadModel(checkpoint, pool);
  const auto tokens = RandomTokens(330, config.vocab_size, 7);
  const RunOptions options{.deterministic = true};
  const Logits whole = RunWhole(*model, tokens, options);
  const std::vector<std::vector<std::int64_t>> cuts = {
      {128, 202}, {1, 1, 1, 127, 200}, {300, 1, 1, 1, 1, 26}, {17, 111, 129, 73}};
  for (const auto& sizes : cuts) EXPECT_EQ(RunSlices(*model, tokens, sizes, options), whole);
}

// Several spans of keys, few rows: the spans of one row are shared among workers.
TEST(Forms, LongContextsAgreeHoweverTheyAreSplit) {
  ModelConfig config = RandomConfig(100);
  config.max_position_embeddings = 8192;
  const MemoryCheckpoint checkpoint = RandomCheckpoint(config, DType::kF32, 2);
  parallel::ThreadPool single(1), many(4);
  const auto model = LoadModel(checkpoint, single), shared = LoadModel(checkpoint, many);
  const auto tokens = RandomTokens(2600, config.vocab_size, 2);
  const std::vector<std::int64_t> sizes = {2000, 590, 1, 1, 1, 7};
  for (const bool deterministic : {false, true}) {
    const RunOptions options{.deterministic = deterministic};
    EXPECT_EQ(RunSlices(*model, tokens, sizes, options),
              RunSlices(*shared, tokens, sizes, options));
  }
  const Logits cut = RunSlices(*shared, tokens, sizes, {.deterministic = true});
  EXPECT_EQ(cut, RunWhole(*model, tokens, {.deterministic = true}));
  EXPECT_LE(Compare(RunWhole(*model, tokens), cut, config.vocab_size).max, 2e-5);
}

}  // namespace
}  // namespace holdfast::parity
