#include "model/config.h"

#include <gtest/gtest.h>

namespace holdfast::model {
namespace {

// The published configurations, as their config.json gives them (fields without meaning for the
// forward pass left out).
constexpr std::string_view kV3 = R"({
  "model_type": "deepseek_v3", "vocab_size": 129280, "hidden_size": 7168,
  "intermediate_size": 18432, "moe_intermediate_size": 2048, "num_hidden_layers": 61,
  "first_k_dense_replace": 3, "moe_layer_freq": 1, "num_attention_heads": 128,
  "num_key_value_heads": 128, "n_routed_experts": 256, "n_shared_experts": 1,
  "num_experts_per_tok": 8, "n_group": 8, "topk_group": 4, "scoring_func": "sigmoid",
  "topk_method": "noaux_tc", "norm_topk_prob": true, "routed_scaling_factor": 2.5,
  "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
  "v_head_dim": 128, "rms_norm_eps": 1e-06, "rope_theta": 10000,
  "rope_scaling": {"beta_fast": 32, "beta_slow": 1, "factor": 40, "mscale": 1.0,
    "mscale_all_dim": 1.0, "original_max_position_embeddings": 4096, "type": "yarn"},
  "max_position_embeddings": 163840, "num_nextn_predict_layers": 1, "hidden_act": "silu",
  "attention_bias": false, "tie_word_embeddings": false, "bos_token_id": 0, "eos_token_id": 1,
  "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}})";

constexpr std::string_view kV2Lite = R"({
  "model_type": "deepseek_v2", "vocab_size": 102400, "hidden_size": 2048,
  "intermediate_size": 10944, "moe_intermediate_size": 1408, "num_hidden_layers": 27,
  "first_k_dense_replace": 1, "moe_layer_freq": 1, "num_attention_heads": 16,
  "n_routed_experts": 64, "n_shared_experts": 2, "num_experts_per_tok": 6, "n_group": 1,
  "topk_group": 1, "scoring_func": "softmax", "topk_method": "greedy", "norm_topk_prob": false,
  "routed_scaling_factor": 1.0, "q_lora_rank": null, "kv_lora_rank": 512,
  "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "rms_norm_eps": 1e-06,
  "rope_theta": 10000, "rope_scaling": {"beta_fast": 32, "beta_slow": 1, "factor": 40,
    "mscale": 0.707, "mscale_all_dim": 0.707, "original_max_position_embeddings": 4096,
    "type": "yarn"},
  "max_position_embeddings": 163840, "hidden_act": "silu"})";

constexpr std::string_view kV2 = R"({
  "model_type": "deepseek_v2", "vocab_size": 102400, "hidden_size": 5120,
  "intermediate_size": 12288, "moe_intermediate_size": 1536, "num_hidden_layers": 60,
  "first_k_dense_replace": 1, "num_attention_heads": 128, "n_routed_experts": 160,
  "n_shared_experts": 2, "num_experts_per_tok": 6, "n_group": 8, "topk_group": 3,
  "scoring_func": "softmax", "topk_method": "group_limited_greedy", "norm_topk_prob": false,
  "routed_scaling_factor": 16.0, "q_lora_rank": 1536, "kv_lora_rank": 512,
  "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
  "max_position_embeddings": 163840})";

constexpr std::string_view kMoonlight = R"({
  "model_type": "deepseek_v3", "vocab_size": 163840, "hidden_size": 2048,
  "intermediate_size": 11264, "moe_intermediate_size": 1408, "num_hidden_layers": 27,
  "first_k_dense_replace": 1, "num_attention_heads": 16, "n_routed_experts": 64,
  "n_shared_experts": 2, "num_experts_per_tok": 6, "n_group": 1, "topk_group": 1,
  "scoring_func": "sigmoid", "topk_method": "noaux_tc", "norm_topk_prob": true,
  "routed_scaling_factor": 2.446, "q_lora_rank": null, "kv_lora_rank": 512,
  "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "rms_norm_eps": 1e-05,
  "rope_theta": 50000.0, "rope_scaling": null, "max_position_embeddings": 8192,
  "num_nextn_predict_layers": 0, "eos_token_id": [163585, 163586]})";

constexpr std::string_view kKimiK2 = R"({
  "model_type": "kimi_k2", "vocab_size": 163840, "hidden_size": 7168,
  "intermediate_size": 18432, "moe_intermediate_size": 2048, "num_hidden_layers": 61,
  "first_k_dense_replace": 1, "num_attention_heads": 64, "n_routed_experts": 384,
  "n_shared_experts": 1, "num_experts_per_tok": 8, "n_group": 1, "topk_group": 1,
  "scoring_func": "sigmoid", "topk_method": "noaux_tc", "norm_topk_prob": true,
  "routed_scaling_factor": 2.827, "q_lora_rank": 1536, "kv_lora_rank": 512,
  "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "rope_theta": 50000.0,
  "rope_scaling": {"beta_fast": 1.0, "beta_slow": 1.0, "factor": 32.0, "mscale": 1.0,
    "mscale_all_dim": 1.0, "original_max_position_embeddings": 4096, "type": "yarn"},
  "max_position_embeddings": 131072})";

json::Object Config(std::string_view text) { return json::Parse(text)->as_object(); }

TEST(ModelConfig, ReadsEveryPublishedShape) {
  for (const std::string_view text : {kV3, kV2Lite, kV2, kMoonlight, kKimiK2}) {
    const auto config = ParseModelConfig(Config(text));
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->LatentWidth(), 576);
    EXPECT_EQ(config->QkHeadDim(), 192);
    EXPECT_FALSE(config->IsMoeLayer(0));
    EXPECT_TRUE(config->IsMoeLayer(config->num_hidden_layers - 1));
  }
}

TEST(ModelConfig, KeepsTheFieldsOfV3) {
  const ModelConfig config = *ParseModelConfig(Config(kV3));
  EXPECT_EQ(config.n_routed_experts, 256);
  EXPECT_EQ(config.q_lora_rank, 1536);
  EXPECT_EQ(config.topk_method, TopkMethod::kNoauxTc);
  EXPECT_EQ(config.num_nextn_predict_layers, 1);
  EXPECT_EQ(config.max_position_embeddings, 163840);
  ASSERT_TRUE(config.rope_scaling);
  EXPECT_EQ(config.rope_scaling->factor, 40);
  EXPECT_FALSE(config.IsMoeLayer(2));
  EXPECT_TRUE(config.IsMoeLayer(3));
}

TEST(ModelConfig, KeepsTheRulesOfTheOthers) {
  const ModelConfig lite = *ParseModelConfig(Config(kV2Lite));
  EXPECT_EQ(lite.q_lora_rank, 0);
  EXPECT_EQ(lite.scoring_func, ScoringFunc::kSoftmax);
  EXPECT_EQ(lite.topk_method, TopkMethod::kGreedy);
  EXPECT_FALSE(lite.norm_topk_prob);
  EXPECT_EQ(ParseModelConfig(Config(kV2))->topk_method, TopkMethod::kGroupLimitedGreedy);
  const ModelConfig moonlight = *ParseModelConfig(Config(kMoonlight));
  EXPECT_FALSE(moonlight.rope_scaling);
  EXPECT_EQ(moonlight.rms_norm_eps, 1e-5);
  EXPECT_EQ(moonlight.eos_token_id, 163585);  // The first of a list.
  EXPECT_EQ(ParseModelConfig(Config(kKimiK2))->model_type, "kimi_k2");
}

TEST(ModelConfig, WritesWhatItReads) {
  for (const std::string_view text : {kV3, kV2Lite, kV2, kMoonlight, kKimiK2}) {
    const json::Object once = WriteModelConfig(*ParseModelConfig(Config(text)));
    EXPECT_EQ(WriteModelConfig(*ParseModelConfig(once)), once);
  }
}

TEST(ModelConfig, ReadsTheNewerRopeParameters) {
  json::Object object = Config(kMoonlight);
  object.erase("rope_theta");
  object.erase("rope_scaling");
  object["rope_parameters"] =
      json::Object{{"rope_type", "yarn"}, {"rope_theta", 70000.0}, {"factor", 4.0}};
  const ModelConfig config = *ParseModelConfig(object);
  EXPECT_EQ(config.rope_theta, 70000.0);
  EXPECT_EQ(config.rope_scaling->factor, 4.0);
}

TEST(ModelConfig, AModelWithoutExpertsIsDense) {
  json::Object object = Config(kMoonlight);
  object["n_routed_experts"] = nullptr;
  const ModelConfig config = *ParseModelConfig(object);
  EXPECT_FALSE(config.IsMoeLayer(config.num_hidden_layers - 1));
}

struct Refusal {
  const char* key;
  json::Value value;
  ErrorCode code;
  const char* message;  // A part of it.
};

TEST(ModelConfig, RefusesWhatItCannotRun) {
  const Refusal refusals[] = {
      {"model_type", "llama", ErrorCode::kUnsupported, "llama"},
      {"vocab_size", 0, ErrorCode::kInvalidArgument, "vocab_size"},
      {"vocab_size", "many", ErrorCode::kInvalidArgument, "vocab_size"},
      {"vocab_size", 1.5, ErrorCode::kInvalidArgument, "vocab_size"},
      {"hidden_size", -7168, ErrorCode::kInvalidArgument, "hidden_size"},
      {"hidden_size", 1 << 30, ErrorCode::kInvalidArgument, "hidden_size"},
      {"num_hidden_layers", 1'000'000, ErrorCode::kInvalidArgument, "num_hidden_layers"},
      {"num_attention_heads", 0, ErrorCode::kInvalidArgument, "num_attention_heads"},
      {"n_routed_experts", 1'000'000, ErrorCode::kInvalidArgument, "n_routed_experts"},
      {"num_experts_per_tok", 257, ErrorCode::kInvalidArgument, "num_experts_per_tok"},
      {"num_experts_per_tok", 0, ErrorCode::kInvalidArgument, "num_experts_per_tok"},
      {"num_experts_per_tok", 129, ErrorCode::kInvalidArgument, "128 experts"},
      {"n_group", 7, ErrorCode::kInvalidArgument, "multiple of n_group"},
      {"n_group", 0, ErrorCode::kInvalidArgument, "n_group"},
      {"topk_group", 9, ErrorCode::kInvalidArgument, "topk_group"},
      {"scoring_func", "tanh", ErrorCode::kUnsupported, "tanh"},
      {"topk_method", "random", ErrorCode::kUnsupported, "random"},
      {"routed_scaling_factor", -1.0, ErrorCode::kInvalidArgument, "routed_scaling_factor"},
      {"moe_layer_freq", 0, ErrorCode::kInvalidArgument, "moe_layer_freq"},
      {"qk_rope_head_dim", 63, ErrorCode::kInvalidArgument, "odd"},
      {"kv_lora_rank", 0, ErrorCode::kInvalidArgument, "kv_lora_rank"},
      {"v_head_dim", nullptr, ErrorCode::kInvalidArgument, "v_head_dim"},
      {"attention_bias", true, ErrorCode::kUnsupported, "attention_bias"},
      {"hidden_act", "gelu", ErrorCode::kUnsupported, "gelu"},
      {"rope_interleave", false, ErrorCode::kUnsupported, "rope_interleave"},
      {"rope_theta", 0.0, ErrorCode::kInvalidArgument, "rope_theta"},
      {"rope_scaling", "yarn", ErrorCode::kInvalidArgument, "rope_scaling"},
      {"rope_scaling", json::Object{{"type", "linear"}}, ErrorCode::kUnsupported, "linear"},
      {"rope_scaling", json::Object{{"type", "yarn"}, {"factor", 0}}, ErrorCode::kInvalidArgument,
       "factor"},
      {"rope_scaling", json::Object{{"type", "yarn"}, {"mscale", -1}}, ErrorCode::kInvalidArgument,
       "mscale"},
      {"rms_norm_eps", 0.0, ErrorCode::kInvalidArgument, "rms_norm_eps"},
      {"num_nextn_predict_layers", -1, ErrorCode::kInvalidArgument, "num_nextn_predict_layers"},
      {"bos_token_id", 129280, ErrorCode::kInvalidArgument, "bos_token_id"},
  };
  for (const Refusal& refusal : refusals) {
    json::Object object = Config(kV3);
    object[refusal.key] = refusal.value;
    const auto config = ParseModelConfig(object);
    ASSERT_FALSE(config) << refusal.key;
    EXPECT_EQ(config.error().code, refusal.code) << config.error().message;
    EXPECT_NE(config.error().message.find(refusal.message), std::string::npos)
        << config.error().message;
  }
}

TEST(ModelConfig, NamesAMissingField) {
  for (const char* key : {"vocab_size", "hidden_size", "kv_lora_rank", "moe_intermediate_size"}) {
    json::Object object = Config(kV3);
    object.erase(key);
    const auto config = ParseModelConfig(object);
    ASSERT_FALSE(config) << key;
    EXPECT_NE(config.error().message.find(key), std::string::npos) << config.error().message;
  }
}

}  // namespace
}  // namespace holdfast::model
