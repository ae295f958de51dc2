#include "convert/recipe.h"

#include <gtest/gtest.h>

namespace holdfast::convert {
namespace {

using tensor::DType;
constexpr Format kGguf = Format::kGguf;
constexpr Format kHf = Format::kSafetensors;

struct Case {
  const char* name;
  std::int64_t layer;
  std::int64_t cols;
  DType stored;
  std::optional<DType> wanted;
  Format format;
  DType expected;
};

const Case kCases[] = {
    // Norms, biases and the router keep every digit.
    {"model.norm.weight", -1, 256, DType::kBF16, DType::kQ4_K, kGguf, DType::kF32},
    {"model.norm.weight", -1, 256, DType::kBF16, DType::kBF16, kHf, DType::kBF16},
    {"model.layers.9.mlp.gate.weight", 9, 256, DType::kBF16, DType::kQ4_K, kGguf, DType::kF32},
    // Without a wanted type, types are kept as far as the format has them.
    {"model.layers.9.mlp.up_proj.weight", 9, 256, DType::kQ5_K, {}, kGguf, DType::kQ5_K},
    {"model.layers.9.mlp.up_proj.weight", 9, 256, DType::kQ5_K, {}, kHf, DType::kBF16},
    {"model.layers.9.mlp.up_proj.weight", 9, 256, DType::kF8E4M3, {}, kGguf, DType::kBF16},
    {"model.layers.9.mlp.up_proj.weight", 9, 256, DType::kF8E4M3, {}, kHf, DType::kF8E4M3},
    // Plain types are for all matrices.
    {"model.layers.9.mlp.up_proj.weight", 9, 100, DType::kF32, DType::kF16, kGguf, DType::kF16},
    // The mixture.
    {"model.layers.9.mlp.up_proj.weight", 9, 256, DType::kF32, DType::kQ4_K, kGguf, DType::kQ4_K},
    {"lm_head.weight", -1, 256, DType::kF32, DType::kQ4_K, kGguf, DType::kQ6_K},
    {"lm_head.weight", -1, 256, DType::kF32, DType::kQ8_0, kGguf, DType::kQ8_0},
    {"model.layers.9.self_attn.v_b_proj.weight", 9, 512, DType::kF32, DType::kQ4_K, kGguf,
     DType::kQ8_0},
    {"model.layers.9.self_attn.kv_a_proj_with_mqa.weight", 9, 512, DType::kF32, DType::kQ6_K, kGguf,
     DType::kQ8_0},
    // Finer down projections: layers 0-2, 29-31 and every third of 24 layers' middle.
    {"model.layers.0.mlp.down_proj.weight", 0, 256, DType::kF32, DType::kQ4_K, kGguf, DType::kQ6_K},
    {"model.layers.3.mlp.down_proj.weight", 3, 256, DType::kF32, DType::kQ4_K, kGguf, DType::kQ4_K},
    {"model.layers.5.mlp.down_proj.weight", 5, 256, DType::kF32, DType::kQ5_K, kGguf, DType::kQ6_K},
    {"model.layers.23.mlp.down_proj.weight", 23, 256, DType::kF32, DType::kQ4_K, kGguf,
     DType::kQ6_K},
    {"model.layers.5.mlp.down_proj.weight", 5, 256, DType::kF32, DType::kQ4_0, kGguf, DType::kQ4_0},
    // Rows that are not whole blocks.
    {"model.layers.9.mlp.up_proj.weight", 9, 1408, DType::kF32, DType::kQ4_K, kGguf, DType::kQ8_0},
    {"model.layers.9.mlp.up_proj.weight", 9, 100, DType::kF32, DType::kQ4_K, kGguf, DType::kF16},
    // FP8 is for the projections of the layers, as DeepSeek publishes it.
    {"model.layers.9.mlp.up_proj.weight", 9, 256, DType::kBF16, DType::kF8E4M3, kHf,
     DType::kF8E4M3},
    {"model.layers.9.self_attn.kv_a_proj_with_mqa.weight", 9, 256, DType::kBF16, DType::kF8E4M3,
     kHf, DType::kF8E4M3},
    {"model.embed_tokens.weight", -1, 256, DType::kBF16, DType::kF8E4M3, kHf, DType::kBF16},
    {"model.layers.24.eh_proj.weight", 24, 256, DType::kF32, DType::kF8E4M3, kHf, DType::kF32},
    {"lm_head.weight", -1, 256, DType::kQ6_K, DType::kF8E4M3, kHf, DType::kBF16},
};

TEST(ChooseDType, FollowsTheTable) {
  for (const Case& c : kCases) {
    const TensorFacts facts{.name = c.name,
                            .stored = c.stored,
                            .rank = std::string_view(c.name) == "model.norm.weight" ? 1 : 2,
                            .cols = c.cols,
                            .layer = c.layer,
                            .layer_count = 24,
                            .is_output = std::string_view(c.name) == "lm_head.weight"};
    EXPECT_EQ(ChooseDType(facts, c.wanted, c.format), c.expected)
        << c.name << " as " << (c.wanted ? tensor::DTypeName(*c.wanted) : "kept");
  }
}

}  // namespace
}  // namespace holdfast::convert
