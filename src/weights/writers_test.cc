#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "weights/checkpoint.h"
#include "weights/gguf_config.h"
#include "weights/gguf_reader.h"
#include "weights/gguf_writer.h"
#include "weights/safetensors_reader.h"
#include "weights/safetensors_writer.h"

namespace holdfast::weights {
namespace {

namespace fs = std::filesystem;
using tensor::DType;
using testing::HasSubstr;

class Writers : public testing::Test {
 protected:
  Writers() : directory_(fs::temp_directory_path() / fmt::format("holdfast-writers-{}", getpid())) {
    fs::create_directories(directory_);
  }
  ~Writers() override { fs::remove_all(directory_); }

  static std::string ReadFile(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  fs::path directory_;
};

std::vector<std::byte> Pattern(std::size_t count, int seed) {
  std::vector<std::byte> bytes(count);
  for (std::size_t i = 0; i < count; ++i) {
    bytes[i] = static_cast<std::byte>(i * 7 + static_cast<std::size_t>(seed));
  }
  return bytes;
}

bool IsEqual(const tensor::TensorView& view, const std::vector<std::byte>& bytes) {
  return view.Bytes() == bytes.size() && std::memcmp(view.data, bytes.data(), bytes.size()) == 0;
}

TEST_F(Writers, GgufComesBackAsWritten) {
  const std::vector<TensorSpec> specs = {
      {"a", DType::kF32, {3}}, {"b", DType::kQ8_0, {2, 3, 32}}, {"c", DType::kQ4_K, {2, 256}}};
  const GgufMetadata metadata = {{"text", GgufValue::String("value")},
                                 {"number", GgufValue::U32(7)},
                                 {"flag", GgufValue::Bool(true)},
                                 {"float", GgufValue::F32(0.5f)},
                                 {"strings", GgufValue::Strings({"x", "", "zz"})},
                                 {"ids", GgufValue::Int32s({1, -2})}};
  const fs::path path = directory_ / "m.gguf";
  auto writer = GgufWriter::Create(path, metadata, specs);
  ASSERT_TRUE(writer) << writer.error().message;
  std::vector<std::byte> all;
  for (int i = 0; i < 3; ++i) {
    const auto bytes = Pattern(specs[static_cast<std::size_t>(i)].Bytes(), i);
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  // In pieces that do not respect the tensors' borders.
  for (std::size_t at = 0; at < all.size(); at += 50) {
    const std::size_t count = std::min<std::size_t>(50, all.size() - at);
    ASSERT_TRUE(writer->Write(std::span(all).subspan(at, count)));
  }
  EXPECT_FALSE(fs::exists(path));
  ASSERT_TRUE(writer->Finish());
  EXPECT_FALSE(fs::exists(path.string() + ".partial"));

  const std::string bytes = ReadFile(path);
  const auto contents = ReadGguf(std::as_bytes(std::span(bytes)), "m.gguf");
  ASSERT_TRUE(contents) << contents.error().message;
  ASSERT_EQ(contents->tensors.size(), 3u);
  for (int i = 0; i < 3; ++i) {
    const auto index = static_cast<std::size_t>(i);
    EXPECT_EQ(contents->tensors[index].name, specs[index].name);
    EXPECT_EQ(contents->tensors[index].view.shape, specs[index].shape);
    EXPECT_TRUE(IsEqual(contents->tensors[index].view, Pattern(specs[index].Bytes(), i)));
  }
  ASSERT_EQ(contents->metadata.size(), metadata.size());
  EXPECT_EQ(std::get<std::string>(contents->metadata[0].second.value), "value");
  EXPECT_EQ(std::get<GgufArray>(contents->metadata[4].second.value).strings[2], "zz");
  EXPECT_EQ(std::get<GgufArray>(contents->metadata[5].second.value).integers[1], -2);
}

TEST_F(Writers, SafetensorsComesBackAsWritten) {
  std::vector<TensorSpec> specs = {
      {"odd", DType::kBF16, {3}}, {"f8", DType::kF8E4M3, {1, 3}}, {"wide", DType::kF32, {2, 1, 2}}};
  EXPECT_THAT(SafetensorsWriter::Create(directory_ / "x.safetensors", specs).error().message,
              HasSubstr("'wide'"));
  SortForSafetensors(specs);
  const fs::path path = directory_ / "m.safetensors";
  auto writer = SafetensorsWriter::Create(path, specs);
  ASSERT_TRUE(writer) << writer.error().message;
  int seed = 0;
  for (const TensorSpec& spec : specs) ASSERT_TRUE(writer->Write(Pattern(spec.Bytes(), seed++)));
  ASSERT_TRUE(writer->Finish());

  const std::string bytes = ReadFile(path);
  EXPECT_LE(bytes.size(), SafetensorsBytes(specs));
  const auto tensors = ReadSafetensors(std::as_bytes(std::span(bytes)), "m");
  ASSERT_TRUE(tensors) << tensors.error().message;
  ASSERT_EQ(tensors->size(), 3u);
  EXPECT_EQ((*tensors)[0].name, "wide");
  EXPECT_EQ((*tensors)[0].view.shape, (tensor::Shape{2, 1, 2}));
  EXPECT_TRUE(IsEqual((*tensors)[1].view, Pattern(6, 1)));
  EXPECT_TRUE(IsEqual((*tensors)[2].view, Pattern(3, 2)));
}

TEST_F(Writers, RefuseWhatTheFormatsCannotHold) {
  const fs::path path = directory_ / "m";
  const std::vector<TensorSpec> ragged = {{"a", DType::kQ8_0, {33}}};
  EXPECT_THAT(GgufWriter::Create(path, {}, ragged).error().message, HasSubstr("whole blocks"));
  const std::vector<TensorSpec> twice = {{"a", DType::kF32, {1}}, {"a", DType::kF32, {1}}};
  EXPECT_THAT(GgufWriter::Create(path, {}, twice).error().message, HasSubstr("there twice"));
  EXPECT_THAT(SafetensorsWriter::Create(path, twice).error().message, HasSubstr("there twice"));
  EXPECT_FALSE(GgufWriter::Create(path, {}, {{"a", DType::kF8E4M3, {1}}}));
  EXPECT_FALSE(SafetensorsWriter::Create(path, {{"a", DType::kQ4_K, {256}}}));
  EXPECT_FALSE(GgufWriter::Create(path, {}, {{"a", DType::kF32, {0}}}));
  EXPECT_TRUE(fs::is_empty(directory_));
}

TEST_F(Writers, LeaveNothingWhenDroppedOrIncomplete) {
  const fs::path path = directory_ / "m.gguf";
  {
    auto writer = GgufWriter::Create(path, {}, {{"a", DType::kF32, {4}}});
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->Write(Pattern(8, 0)));
    EXPECT_TRUE(fs::exists(path.string() + ".partial"));
    EXPECT_THAT(writer->Finish().error().message, HasSubstr("tensor 'a' has 8 of 16 bytes"));
  }
  EXPECT_TRUE(fs::is_empty(directory_));
}

TEST_F(Writers, KeepTheOldFileUntilTheNewOneIsWhole) {
  const fs::path path = directory_ / "m.gguf";
  std::ofstream(path) << "old";
  {
    auto writer = GgufWriter::Create(path, {}, {{"a", DType::kF32, {1}}});
    ASSERT_TRUE(writer);
  }
  EXPECT_EQ(ReadFile(path), "old");
}

TEST_F(Writers, ReportAFullDisk) {
  // Every write to this device fails with ENOSPC.
  fs::create_symlink("/dev/full", directory_ / "m.gguf.partial");
  auto writer = GgufWriter::Create(directory_ / "m.gguf", {}, {{"a", DType::kF32, {1 << 20}}});
  ASSERT_TRUE(writer) << writer.error().message;
  Result<void> written = writer->Write(Pattern(4u << 20, 0));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kDiskFull);
  EXPECT_FALSE(writer->Finish());
  EXPECT_FALSE(fs::exists(directory_ / "m.gguf"));
}

constexpr std::string_view kConfig = R"({
  "architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3", "vocab_size": 64,
  "hidden_size": 32, "intermediate_size": 96, "moe_intermediate_size": 16, "num_hidden_layers": 3,
  "first_k_dense_replace": 1, "moe_layer_freq": 1, "num_attention_heads": 4,
  "num_key_value_heads": 4, "n_routed_experts": 8, "n_shared_experts": 1,
  "num_experts_per_tok": 2, "n_group": 4, "topk_group": 2, "scoring_func": "sigmoid",
  "topk_method": "noaux_tc", "norm_topk_prob": true, "routed_scaling_factor": 2.5,
  "q_lora_rank": 24, "kv_lora_rank": 16, "qk_nope_head_dim": 8, "qk_rope_head_dim": 4,
  "v_head_dim": 6, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "max_position_embeddings": 640,
  "rope_scaling": {"type": "yarn", "factor": 40.0, "original_max_position_embeddings": 16,
    "beta_fast": 32.0, "beta_slow": 1.0, "mscale": 0.707, "mscale_all_dim": 0.707},
  "num_nextn_predict_layers": 1, "tie_word_embeddings": false, "hidden_act": "silu",
  "attention_bias": false, "bos_token_id": 0, "eos_token_id": 1})";

json::Object Config() { return json::Parse(kConfig)->as_object(); }

std::vector<std::string> ConfigTensorNames() {
  return {"token_embd.weight", "output.weight", "blk.1.exp_probs_b.bias"};
}

// Writes metadata and small stand-in tensors, and reads the configuration back.
Result<json::Object> ConfigThroughGguf(const fs::path& path, const GgufMetadata& metadata,
                                       const std::vector<std::string>& names) {
  std::vector<TensorSpec> specs;
  for (const std::string& name : names) specs.push_back({name, DType::kF32, {8}});
  TRY_ASSIGN(GgufWriter writer, GgufWriter::Create(path, metadata, specs));
  TRY(writer.Write(Pattern(32 * names.size(), 0)));
  TRY(writer.Finish());
  TRY_ASSIGN(const auto checkpoint, Checkpoint::Open(path));
  return checkpoint->config();
}

TokenizerSource SmallTokenizer() {
  TokenizerSource tokenizer;
  tokenizer.tokens = {"<s>", "</s>", "a", "b", "ab"};
  tokenizer.token_types = {3, 3, 1, 1, 1};
  tokenizer.merges = {"a b"};
  tokenizer.pre = "deepseek-v3";
  tokenizer.bos_token_id = 0;
  tokenizer.eos_token_id = 1;
  tokenizer.eos_token_ids = {1, 4};
  tokenizer.chat_template = "{{ x }}";
  return tokenizer;
}

TEST_F(Writers, ConfigurationSurvivesGgufUnchanged) {
  for (bool has_split_kv_b : {true, false}) {
    for (double mscale : {0.707, 1.0, 1.3}) {
      json::Object config = Config();
      config["rope_scaling"].as_object()["mscale"] = mscale;
      const auto metadata =
          MakeGgufMetadata(config, SmallTokenizer(), {.has_split_kv_b = has_split_kv_b});
      ASSERT_TRUE(metadata) << metadata.error().message;
      const auto back = ConfigThroughGguf(directory_ / "m.gguf", *metadata, ConfigTensorNames());
      ASSERT_TRUE(back) << back.error().message;
      for (const auto& [key, value] : config) {
        const json::Value* other = json::Find(*back, key);
        ASSERT_NE(other, nullptr) << key;
        EXPECT_EQ(*other, value) << key << ": " << json::Write(*other);
      }
    }
  }
}

TEST_F(Writers, TokenizerSurvivesGguf) {
  TokenizerSource tokenizer = SmallTokenizer();
  // More than the format has keys for.
  tokenizer.eos_token_ids = {1, 4, 2, 0, 3};
  const auto metadata = MakeGgufMetadata(Config(), tokenizer, {});
  ASSERT_TRUE(metadata);
  ASSERT_TRUE(ConfigThroughGguf(directory_ / "m.gguf", *metadata, ConfigTensorNames()));
  const auto checkpoint = Checkpoint::Open(directory_ / "m.gguf");
  const TokenizerSource& back = (*checkpoint)->tokenizer();
  EXPECT_EQ(back.tokens, tokenizer.tokens);
  EXPECT_EQ(back.token_types, tokenizer.token_types);
  EXPECT_EQ(back.merges, tokenizer.merges);
  EXPECT_EQ(back.pre, tokenizer.pre);
  EXPECT_EQ(back.eos_token_ids, tokenizer.eos_token_ids);
  EXPECT_EQ(back.chat_template, tokenizer.chat_template);
}

TEST_F(Writers, GatingDefaultsToWhatTheTensorsSay) {
  auto metadata = MakeGgufMetadata(Config(), {}, {});
  std::erase_if(*metadata,
                [](const auto& entry) { return entry.first == "deepseek2.expert_gating_func"; });
  const auto v3 = ConfigThroughGguf(directory_ / "m.gguf", *metadata, ConfigTensorNames());
  EXPECT_EQ(v3->at("scoring_func").as_string(), "sigmoid");
  EXPECT_EQ(v3->at("topk_method").as_string(), "noaux_tc");
  const auto v2 = ConfigThroughGguf(directory_ / "m.gguf", *metadata, {"token_embd.weight"});
  EXPECT_EQ(v2->at("scoring_func").as_string(), "softmax");
  EXPECT_EQ(v2->at("topk_method").as_string(), "group_limited_greedy");
  EXPECT_EQ(v2->at("model_type").as_string(), "deepseek_v2");
  EXPECT_TRUE(v2->at("tie_word_embeddings").as_bool());
}

// Writes part `part` of two of a split file; the second has one more tensor.
void WritePart(const fs::path& path, int part, std::uint32_t claimed_part) {
  GgufMetadata metadata;
  if (part == 1) metadata = *MakeGgufMetadata(Config(), {}, {});
  metadata.emplace_back("split.no", GgufValue::U32(claimed_part - 1));
  metadata.emplace_back("split.count", GgufValue::U32(2));
  const char* name = part == 1 ? "token_embd.weight" : "output_norm.weight";
  auto writer = GgufWriter::Create(path, metadata, {{name, DType::kF32, {8}}});
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->Write(Pattern(32, part)));
  ASSERT_TRUE(writer->Finish());
}

TEST_F(Writers, PartsOfASplitGgufAreJoined) {
  const fs::path first = directory_ / "m-00001-of-00002.gguf";
  const fs::path second = directory_ / "m-00002-of-00002.gguf";
  WritePart(first, 1, 1);
  EXPECT_THAT(Checkpoint::Open(first).error().message, HasSubstr("m-00002-of-00002.gguf"));
  WritePart(second, 2, 2);
  const auto checkpoint = Checkpoint::Open(first);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  ASSERT_EQ((*checkpoint)->tensors().size(), 2u);
  EXPECT_TRUE(IsEqual(*(*checkpoint)->Find("model.norm.weight"), Pattern(32, 2)));

  EXPECT_THAT(Checkpoint::Open(second).error().message, HasSubstr("give the first"));
  WritePart(second, 2, 1);
  EXPECT_THAT(Checkpoint::Open(first).error().message, HasSubstr("not part 2 of 2"));
  WritePart(second, 1, 2);
  EXPECT_THAT(Checkpoint::Open(first).error().message, HasSubstr("is in two parts"));
}

TEST_F(Writers, GgufConfigurationErrorsNameTheKey) {
  const struct {
    const char* key;
    GgufValue value;
    const char* message;
  } cases[] = {
      {"general.architecture", GgufValue::String("llama"), "architecture 'llama' is not deepseek2"},
      {"deepseek2.block_count", GgufValue::U32(5000), "block_count 5000 is over the limit of 4096"},
      {"deepseek2.block_count", GgufValue::String("4"), "deepseek2.block_count is not an integer"},
      {"deepseek2.nextn_predict_layers", GgufValue::U32(4), "is not under block_count 4"},
      {"deepseek2.attention.key_length_mla", GgufValue::U32(4), "is not over rope.dimension_count"},
      {"deepseek2.attention.head_count", GgufValue::U32(0), "head_count is not an integer in 1.."},
      {"deepseek2.expert_gating_func", GgufValue::U32(3), "expert_gating_func 3 is neither"},
      {"deepseek2.rope.scaling.type", GgufValue::String("linear"), "'linear' is not yarn"},
      {"deepseek2.rope.freq_base", GgufValue::Bool(true), "freq_base is not a finite number"},
      {"tokenizer.ggml.model", GgufValue::String("llama"), "tokenizer 'llama' is not byte-level"},
      {"tokenizer.ggml.tokens", GgufValue::U32(1), "'tokenizer.ggml.tokens' is missing or of"},
      {"tokenizer.ggml.token_type", GgufValue::Int32s({1}), "1 token types for 5 tokens"},
  };
  for (const auto& c : cases) {
    auto metadata = MakeGgufMetadata(Config(), SmallTokenizer(), {});
    for (auto& [key, value] : *metadata) {
      if (key == c.key) value = c.value;
    }
    const auto config = ConfigThroughGguf(directory_ / "m.gguf", *metadata, ConfigTensorNames());
    ASSERT_FALSE(config) << c.key;
    EXPECT_THAT(config.error().message, HasSubstr(c.message));
    EXPECT_THAT(config.error().message, HasSubstr("m.gguf: "));
  }
}

}  // namespace
}  // namespace holdfast::weights
