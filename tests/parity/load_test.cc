// Loading: a checkpoint that lacks a tensor, or has one of another shape or type, is refused by
// name; what a checkpoint may leave out is found elsewhere.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "model/model.h"
#include "parity/memory_checkpoint.h"
#include "parity/sequence_runner.h"

namespace holdfast::parity {
namespace {

using model::Model;
using model::ModelConfig;
using tensor::DType;

ModelConfig SmallConfig() {
  ModelConfig config;
  config.vocab_size = 30;
  config.hidden_size = 12;
  config.intermediate_size = 20;
  config.moe_intermediate_size = 6;
  config.num_hidden_layers = 2;
  config.first_k_dense_replace = 1;
  config.num_attention_heads = 2;
  config.n_routed_experts = 4;
  config.n_shared_experts = 1;
  config.num_experts_per_tok = 2;
  config.q_lora_rank = 8;
  config.kv_lora_rank = 10;
  config.qk_nope_head_dim = 6;
  config.qk_rope_head_dim = 4;
  config.v_head_dim = 6;
  config.num_nextn_predict_layers = 1;
  return config;
}

TEST(Load, NamesAMissingTensor) {
  parallel::ThreadPool pool(1);
  const ModelConfig config = SmallConfig();
  for (const std::string& name : TensorNames(config)) {
    if (name.starts_with("model.layers.2.")) continue;  // The MTP module's load is its own.
    MemoryCheckpoint checkpoint = RandomCheckpoint(config, DType::kF32, 1);
    checkpoint.Remove(name);
    const auto loaded = Model::Load(checkpoint, pool, {});
    ASSERT_FALSE(loaded) << name;
    EXPECT_EQ(loaded.error().code, ErrorCode::kNotFound);
    EXPECT_NE(loaded.error().message.find(name), std::string::npos) << loaded.error().message;
  }
}

TEST(Load, NamesATensorOfAnotherShape) {
  parallel::ThreadPool pool(1);
  const ModelConfig config = SmallConfig();
  for (const std::string& name : TensorNames(config)) {
    if (name.starts_with("model.layers.2.")) continue;
    MemoryCheckpoint checkpoint = RandomCheckpoint(config, DType::kF32, 1);
    checkpoint.Remove(name);
    checkpoint.Add(name, DType::kF32, {3, 5}, std::vector<float>(15));
    const auto loaded = Model::Load(checkpoint, pool, {});
    ASSERT_FALSE(loaded) << name;
    EXPECT_EQ(loaded.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(loaded.error().message.find(name), std::string::npos) << loaded.error().message;
  }
}

TEST(Load, AMissingMtpTensorIsAnErrorOfForwardMtp) {
  parallel::ThreadPool pool(1);
  const ModelConfig config = SmallConfig();
  MemoryCheckpoint checkpoint = RandomCheckpoint(config, DType::kF32, 1);
  checkpoint.Remove("model.layers.2.eh_proj.weight");
  const auto model = Model::Load(checkpoint, pool, {});
  ASSERT_TRUE(model);
  const std::vector<std::int32_t> tokens = {1, 2, 3};
  std::vector<float> logits(2 * config.vocab_size);
  const auto result = (*model)->ForwardMtp(tokens, logits.data());
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("eh_proj"), std::string::npos);
}

TEST(Load, MemoryIsAboutThatOfTheWeights) {
  parallel::ThreadPool pool(1);
  ModelConfig config = SmallConfig();
  // Whole tiles, so that padding does not count.
  config.vocab_size = 512;
  config.hidden_size = 256;
  config.moe_intermediate_size = config.intermediate_size = 128;
  config.kv_lora_rank = config.q_lora_rank = 64;
  const MemoryCheckpoint checkpoint = RandomCheckpoint(config, DType::kF32, 1);
  const auto model = Model::Load(checkpoint, pool, {});
  ASSERT_TRUE(model);
  std::size_t bytes = 0;
  for (const weights::NamedTensor& tensor : checkpoint.tensors()) {
    if (tensor.view.shape.rank == 2 && !tensor.name.starts_with("model.layers.2.")) {
      bytes += tensor.view.Bytes();
    }
  }
  EXPECT_GE((*model)->MemoryBytes(), bytes);
  EXPECT_LE((*model)->MemoryBytes(), 1.5 * bytes);
}

}  // namespace
}  // namespace holdfast::parity
