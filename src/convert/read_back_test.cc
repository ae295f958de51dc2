#include "convert/read_back.h"

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "convert/convert.h"
#include "weights/checkpoint.h"

namespace holdfast::convert {
namespace {

namespace fs = std::filesystem;
using model::ModelConfig;
using testing::HasSubstr;

using ConfigEdit = std::function<void(json::Object& config)>;

// Copies of fixtures with another configuration.
class ReadBack : public testing::Test {
 protected:
  ReadBack()
      : directory_(fs::temp_directory_path() / fmt::format("holdfast-read-back-{}", getpid())) {
    fs::create_directories(directory_);
  }
  ~ReadBack() override { fs::remove_all(directory_); }

  fs::path Rewrite(std::string_view model, const std::string& name, const ConfigEdit& edit) {
    const fs::path source = fs::path(HOLDFAST_SOURCE_DIR) / "tests/data/parity" / model;
    fs::path target = directory_ / name;
    fs::create_directories(target);
    fs::copy_file(source / "model.safetensors", target / "model.safetensors",
                  fs::copy_options::overwrite_existing);
    std::ifstream file(source / "config.json");
    const std::string text(std::istreambuf_iterator<char>(file), {});
    json::Object config = json::Parse(text)->as_object();
    edit(config);
    std::ofstream(target / "config.json") << json::Write(config);
    return target;
  }

  Result<ConvertReport> Run(const fs::path& source, const fs::path& target) {
    return Convert(source, target, {.format = FormatOfPath(target), .overwrite = true}, pool_);
  }

  Result<void> CompareLogits(const fs::path& a, const fs::path& b) {
    TRY_ASSIGN(const auto source, weights::Checkpoint::Open(a));
    TRY_ASSIGN(const auto written, weights::Checkpoint::Open(b));
    return CheckSameLogits(*source, *written, pool_, b.string());
  }

  fs::path directory_;
  parallel::ThreadPool pool_{2};
};

constexpr std::string_view kYarn =
    R"("factor": 40, "original_max_position_embeddings": 16, "beta_fast": 32, "beta_slow": 1,
       "mscale": 1.0, "mscale_all_dim": 1.0)";

json::Value Parsed(const std::string& text) { return *json::Parse(text); }

TEST_F(ReadBack, EverySpellingOfTheRotarySettingsGivesTheSourcesLogits) {
  const struct {
    const char* name;
    ConfigEdit edit;
    bool is_yarn;
  } cases[] = {
      {"old",
       [](json::Object& config) {
         config["rope_theta"] = 500'000.0;
         config["rope_scaling"] = Parsed(fmt::format(R"({{"type": "yarn", {}}})", kYarn));
       },
       true},
      {"new",
       [](json::Object& config) {
         config.erase("rope_theta");
         config.erase("rope_scaling");
         config["rope_parameters"] =
             Parsed(fmt::format(R"({{"rope_type": "yarn", "rope_theta": 500000.0, {}}})", kYarn));
       },
       true},
      {"new-default",
       [](json::Object& config) {
         config.erase("rope_theta");
         config.erase("rope_scaling");
         config["rope_parameters"] = Parsed(R"({"rope_type": "default", "rope_theta": 5e5})");
       },
       false},
      {"old-default",
       [](json::Object& config) {
         config["rope_theta"] = 500'000.0;
         config["rope_scaling"] = Parsed(R"({"rope_type": "default"})");
       },
       false},
  };
  const fs::path without = Rewrite("v3", "without", [](json::Object& config) {
    config["rope_theta"] = 10'000.0;
    config["rope_scaling"] = nullptr;
  });
  for (const auto& c : cases) {
    const fs::path source = Rewrite("v3", c.name, c.edit);
    const fs::path gguf = directory_ / (std::string(c.name) + ".gguf");
    const auto report = Run(source, gguf);
    ASSERT_TRUE(report) << c.name << ": " << report.error().message;
    EXPECT_TRUE(report->has_compared_logits) << c.name;
    const auto same = CompareLogits(source, gguf);
    EXPECT_TRUE(same) << c.name << ": " << same.error().message;
    EXPECT_FALSE(CompareLogits(without, gguf)) << c.name << ": the settings do not show";
    const auto written = weights::Checkpoint::Open(gguf);
    const auto config = model::ParseModelConfig((*written)->config());
    EXPECT_EQ(config->rope_theta, 500'000.0) << c.name;
    EXPECT_EQ(config->rope_scaling.has_value(), c.is_yarn) << c.name;
    // And back into a directory.
    const fs::path back = directory_ / (std::string(c.name) + "-back");
    ASSERT_TRUE(Run(gguf, back)) << c.name;
    EXPECT_TRUE(CompareLogits(source, back)) << c.name;
  }
}

TEST_F(ReadBack, WhatAConfigurationLeavesOutIsAsItsReaderHasIt) {
  const struct {
    const char* model;
    const char* key;
  } cases[] = {{"v3", "topk_group"},     {"v3", "scoring_func"},   {"v3", "topk_method"},
               {"v3", "norm_topk_prob"}, {"v3", "moe_layer_freq"}, {"v3", "rms_norm_eps"},
               {"v3", "rope_theta"},     {"v2", "norm_topk_prob"}, {"v2", "scoring_func"}};
  for (const auto& c : cases) {
    const fs::path source =
        Rewrite(c.model, "left-out", [&](json::Object& config) { config.erase(c.key); });
    const auto report = Run(source, directory_ / "m.gguf");
    ASSERT_TRUE(report) << c.model << " without " << c.key << ": " << report.error().message;
    EXPECT_TRUE(CompareLogits(source, directory_ / "m.gguf")) << c.key;
  }
}

TEST_F(ReadBack, WhatGgufCannotExpressIsRefusedByName) {
  const struct {
    const char* message;
    ConfigEdit edit;
  } cases[] = {
      {"'moe_layer_freq' 2 has no form in GGUF",
       [](json::Object& config) { config["moe_layer_freq"] = 2; }},
      // Not a number of 32 bits.
      {"'routed_scaling_factor' is 1E-60, and would be read as",
       [](json::Object& config) { config["routed_scaling_factor"] = 1e-60; }},
  };
  for (const auto& c : cases) {
    const auto report = Run(Rewrite("v3", "odd", c.edit), directory_ / "m.gguf");
    ASSERT_FALSE(report) << c.message;
    EXPECT_EQ(report.error().code, ErrorCode::kUnsupported);
    EXPECT_THAT(report.error().message, HasSubstr(c.message));
    EXPECT_FALSE(fs::exists(directory_ / "m.gguf"));
  }
}

TEST_F(ReadBack, EveryEndIdSurvivesBothForms) {
  const fs::path source = Rewrite("dense", "ends", [](json::Object& config) {
    config["eos_token_id"] = json::Array{1, 7};
  });
  std::ofstream(source / "generation_config.json") << R"({"eos_token_id": [1, 9, 11, 13]})";
  const fs::path gguf = directory_ / "ends.gguf";
  ASSERT_TRUE(Run(source, gguf));
  ASSERT_TRUE(Run(gguf, directory_ / "ends-back"));
  for (const fs::path& path : {gguf, directory_ / "ends-back"}) {
    const auto written = weights::Checkpoint::Open(path);
    EXPECT_THAT((*written)->tokenizer().eos_token_ids,
                testing::UnorderedElementsAre(1, 7, 9, 11, 13))
        << path;
  }
}

ModelConfig SmallConfig() {
  ModelConfig config;
  config.vocab_size = 64;
  config.hidden_size = config.intermediate_size = config.moe_intermediate_size = 32;
  config.num_hidden_layers = 3;
  config.first_k_dense_replace = 1;
  config.num_attention_heads = 4;
  config.n_routed_experts = 8;
  config.num_experts_per_tok = 2;
  config.kv_lora_rank = 16;
  config.qk_nope_head_dim = config.v_head_dim = 8;
  config.qk_rope_head_dim = 4;
  return config;
}

TEST(CheckSameModel, NamesTheKeyThatDiffers) {
  const struct {
    const char* message;
    std::function<void(ModelConfig&)> change;
  } cases[] = {
      {"'rope_theta' is 1E4, and would be read as 5E5",
       [](ModelConfig& c) { c.rope_theta = 500'000; }},
      {"'rope_scaling' is null, and would be read as {\"type\":\"yarn\"",
       [](ModelConfig& c) { c.rope_scaling = model::YarnConfig{}; }},
      {"'rms_norm_eps'", [](ModelConfig& c) { c.rms_norm_eps = 1.1e-6; }},
      {"'q_lora_rank' is null, and would be read as 5", [](ModelConfig& c) { c.q_lora_rank = 5; }},
      {"'norm_topk_prob'", [](ModelConfig& c) { c.norm_topk_prob = false; }},
      {"'scoring_func'", [](ModelConfig& c) { c.scoring_func = model::ScoringFunc::kSoftmax; }},
      {"'num_nextn_predict_layers'", [](ModelConfig& c) { c.num_nextn_predict_layers = 1; }},
      {"'n_routed_experts'", [](ModelConfig& c) { c.n_routed_experts = 0; }},
  };
  const ModelConfig meant = SmallConfig();
  for (const auto& c : cases) {
    ModelConfig stated = meant;
    c.change(stated);
    const auto same = CheckSameModel(meant, stated, "m.gguf");
    ASSERT_FALSE(same) << c.message;
    EXPECT_EQ(same.error().code, ErrorCode::kUnsupported);
    EXPECT_THAT(same.error().message, testing::StartsWith("m.gguf: "));
    EXPECT_THAT(same.error().message, HasSubstr(c.message));
    EXPECT_FALSE(CheckSameModel(stated, meant, "m.gguf")) << c.message;
  }
}

TEST(CheckSameModel, TakesWhatComputesTheSame) {
  const std::function<void(ModelConfig&)> changes[] = {
      [](ModelConfig&) {},
      [](ModelConfig& c) { c.model_type = "kimi_k2"; },
      [](ModelConfig& c) { c.rope_theta *= 1 + 1e-8; },
      [](ModelConfig& c) { c.bos_token_id = 3; },
  };
  const ModelConfig meant = SmallConfig();
  for (const auto& change : changes) {
    ModelConfig stated = meant;
    change(stated);
    const auto same = CheckSameModel(meant, stated, "m.gguf");
    EXPECT_TRUE(same) << same.error().message;
  }
  ModelConfig greedy = meant, limited = meant;
  greedy.topk_method = model::TopkMethod::kGreedy;
  limited.topk_method = model::TopkMethod::kGroupLimitedGreedy;
  EXPECT_TRUE(CheckSameModel(limited, greedy, "m.gguf"));
  greedy.n_group = 4;
  EXPECT_TRUE(CheckSameModel(limited, greedy, "m.gguf"));
}

}  // namespace
}  // namespace holdfast::convert
