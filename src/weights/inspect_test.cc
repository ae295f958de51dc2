#include "weights/inspect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::weights {
namespace {

class FakeCheckpoint : public Checkpoint {
 public:
  void Add(std::string name, tensor::DType dtype, tensor::Shape shape) {
    tensors_.push_back({std::move(name), {.dtype = dtype, .shape = shape}});
    tensors_.back().view.data = &bytes_[tensors_.size()];
  }
  const json::Object& config() const override { return config_; }
  const TokenizerSource& tokenizer() const override { return tokenizer_; }
  std::string_view format() const override { return "gguf"; }
  const std::vector<NamedTensor>& tensors() const override { return tensors_; }
  std::optional<tensor::TensorView> Find(std::string_view name) const override {
    if (name == "lm_head.weight" && has_output_) return tensors_[1].view;
    if (name == "lm_head.weight") return tensors_[0].view;
    if (name == "model.layers.0.self_attn.k_b_proj.weight") return tensors_[2].view;
    return std::nullopt;
  }

  json::Object config_ = {
      {"num_hidden_layers", 1}, {"n_routed_experts", 4}, {"num_experts_per_tok", 2}};
  bool has_output_ = true;

 private:
  TokenizerSource tokenizer_;
  std::vector<NamedTensor> tensors_;
  std::byte bytes_[16];
};

TEST(Inspect, CountsWhatADecodedTokenReads) {
  FakeCheckpoint checkpoint;
  checkpoint.Add("token_embd.weight", tensor::DType::kF16, {10, 8});        // One row: 16 bytes.
  checkpoint.Add("output.weight", tensor::DType::kF16, {10, 8});            // 160 bytes.
  checkpoint.Add("blk.0.attn_k_b.weight", tensor::DType::kF16, {2, 4, 4});  // 64 bytes.
  checkpoint.Add("blk.0.attn_kv_b.weight", tensor::DType::kF16, {16, 4});   // The same again.
  checkpoint.Add("blk.0.ffn_up_exps.weight", tensor::DType::kQ8_0, {4, 2, 32});  // Half of 272.
  checkpoint.Add("blk.1.nextn.enorm.weight", tensor::DType::kF32, {8});          // MTP.
  ModelSummary summary = Inspect(checkpoint);
  EXPECT_EQ(summary.bytes, 160u + 160 + 64 + 128 + 272 + 32);
  EXPECT_EQ(summary.bytes_per_token, 16u + 160 + 64 + 136);
  EXPECT_EQ(summary.parameters, 80 + 80 + 32 + 64 + 256 + 8);
  EXPECT_EQ(summary.parameters_active, 8 + 80 + 32 + 128);
  EXPECT_EQ(summary.parameters_mtp, 8);
  EXPECT_EQ(summary.types.at("f16").tensors, 4);
  EXPECT_THAT(SummaryText(summary), testing::HasSubstr("blk.0.ffn_up_exps.weight"));
  EXPECT_EQ(SummaryJson(summary).at("bytes_per_token").to_number<std::int64_t>(), 376);

  checkpoint.has_output_ = false;  // The embedding is the output: read as a whole.
  summary = Inspect(checkpoint);
  EXPECT_EQ(summary.bytes_per_token, 160u + 160 + 64 + 136);
}

}  // namespace
}  // namespace holdfast::weights
