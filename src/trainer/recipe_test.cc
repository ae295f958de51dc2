#include "trainer/recipe.h"

#include <string>

#include <gtest/gtest.h>

#include "trainer/test_recipe.h"

namespace holdfast::trainer {
namespace {

const std::string kGood = std::string(R"(
name = "tiny"
seed = 3
micro_batch_tokens = 64
heldout = ["a.heldout"]
)") + kTinyModelTable + R"(
[optimizer]
kind = "adamw"
[[stage]]
name = "only"
kind = "sft"
tokens = 1000
batch_tokens = 64
seq_len = 32
data = [ { set = "a", epochs = 2 }, { set = "b", weight = 1 } ]
)";

std::string Changed(const std::string& from, const std::string& to) {
  std::string text = kGood;
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Recipe, ReadsEveryPart) {
  const auto recipe = ParseRecipe(kGood, "tiny.toml");
  ASSERT_TRUE(recipe.has_value()) << recipe.error().message;
  EXPECT_EQ(recipe->seed, 3u);
  EXPECT_EQ(recipe->model.n_routed_experts, 4);
  EXPECT_EQ(recipe->optimizer.kind, OptimizerOptions::Kind::kAdamW);
  ASSERT_EQ(recipe->stages.size(), 1u);
  EXPECT_EQ(recipe->stages[0].kind, RecipeStage::Kind::kSft);
  EXPECT_EQ(recipe->stages[0].Steps(), 16);
  ASSERT_EQ(recipe->stages[0].data.size(), 2u);
  EXPECT_EQ(recipe->stages[0].data[1].weight, 1);
  EXPECT_EQ(recipe->heldout, std::vector<std::string>{"a.heldout"});
}

TEST(Recipe, RefusesWhatItDoesNotKnowOrCannotDo) {
  const struct {
    std::string from, to, told;
  } cases[] = {
      {"seed = 3", "sede = 3", "sede"},
      {"seed = 3", "seed = -3", "seed"},
      {"seed = 3", "seed = \"three\"", "seed"},
      {"vocab_size = 64", "vocab_sizes = 64", "vocab_sizes"},
      {"vocab_size = 64", "vocab_size = 0", "vocab_size"},
      {"v_head_dim = 8", "v_head_dim = 8\nrope_scaling = { factors = 4.0 }", "factors"},
      {"v_head_dim = 8", "v_head_dim = { yarn = 8 }", "v_head_dim"},
      {"kind = \"adamw\"", "kind = \"sgd\"", "muon, adamw"},
      {"kind = \"sft\"", "kind = \"mtp\"", "num_nextn_predict_layers"},
      {"seq_len = 32", "seq_len = 48", "multiple"},
      {"seq_len = 32", "seq_len = 0", "seq_len"},
      {"batch_tokens = 64\nseq_len = 32", "batch_tokens = 128\nseq_len = 128", "max_position"},
      {"micro_batch_tokens = 64", "micro_batch_tokens = 16", "micro_batch_tokens"},
      {"epochs = 2", "epochs = 2, weight = 1", "weight"},
      {"set = \"a\"", "set = \"../a\"", "set"},
      {"[[stage]]", "[stage]", "stage"},
      {"name = \"tiny\"", "name = ", "line 2"},
  };
  for (const auto& test : cases) {
    const auto recipe = ParseRecipe(Changed(test.from, test.to), "tiny.toml");
    ASSERT_FALSE(recipe.has_value()) << test.to;
    EXPECT_NE(recipe.error().message.find(test.told), std::string::npos)
        << test.to << ": " << recipe.error().message;
  }
}

TEST(Recipe, ReadsYarn) {
  const auto recipe = ParseRecipe(
      Changed("v_head_dim = 8",
              "v_head_dim = 8\nrope_scaling = { type = \"yarn\", factor = 4.0, mscale = 0.5 }"),
      "tiny.toml");
  ASSERT_TRUE(recipe.has_value()) << recipe.error().message;
  ASSERT_TRUE(recipe->model.rope_scaling.has_value());
  EXPECT_EQ(recipe->model.rope_scaling->factor, 4.0);
  EXPECT_EQ(recipe->model.rope_scaling->mscale, 0.5);
}

TEST(Recipe, MissingFileIsNotFound) {
  const auto recipe = LoadRecipe("/nonexistent/recipe.toml");
  ASSERT_FALSE(recipe.has_value());
  EXPECT_EQ(recipe.error().code, ErrorCode::kNotFound);
}

TEST(Recipe, TheStartersRecipeIsValid) {
  const auto recipe = LoadRecipe(std::string(HOLDFAST_SOURCE_DIR) + "/models/starter/starter.toml");
  ASSERT_TRUE(recipe.has_value()) << recipe.error().message;
}

}  // namespace
}  // namespace holdfast::trainer
