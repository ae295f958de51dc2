#include "convert/tokenizer_form.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/json.h"
#include "tokenizer/test_vocabulary.h"
#include "tokenizer/tokenizer.h"

namespace holdfast::convert {
namespace {

using weights::TokenizerSource;

TokenizerSource DeepSeekLlm(std::string pre) {
  const auto vocabulary = tokenizer::LoadDeepSeekLlm(HOLDFAST_SOURCE_DIR);
  TokenizerSource source;
  source.tokens = vocabulary.tokens;
  source.token_types = vocabulary.types;
  source.merges = vocabulary.merges;
  source.bos_token_id = vocabulary.bos;
  source.eos_token_id = vocabulary.eos;
  source.eos_token_ids = {vocabulary.eos};
  source.pre = std::move(pre);
  source.chat_template = "{{ messages }}";
  return source;
}

TokenizerSource ThroughHuggingFace(const TokenizerSource& source) {
  const auto texts = ToHfTokenizer(source);
  EXPECT_TRUE(texts) << texts.error().message;
  TokenizerSource hf;
  hf.tokenizer_json = texts->tokenizer_json;
  hf.tokenizer_config_json = texts->tokenizer_config_json;
  hf.eos_token_ids = source.eos_token_ids;
  return hf;
}

TEST(TokenizerForm, SurvivesHuggingFaceAndBack) {
  const TokenizerSource source = DeepSeekLlm("deepseek-llm");
  const auto back =
      ToGgufTokenizer(ThroughHuggingFace(source), static_cast<std::int64_t>(source.tokens.size()));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->pre, source.pre);
  EXPECT_EQ(back->merges, source.merges);
  EXPECT_EQ(back->bos_token_id, source.bos_token_id);
  EXPECT_EQ(back->eos_token_ids, source.eos_token_ids);
  EXPECT_EQ(back->chat_template, source.chat_template);
  EXPECT_EQ(back->add_bos_token, source.add_bos_token);
  ASSERT_EQ(back->tokens.size(), source.tokens.size());
  for (std::size_t id = 0; id < source.tokens.size(); ++id) {
    // Unused ids are fillers whose text says nothing.
    if (source.token_types[id] == 5) continue;
    EXPECT_EQ(back->tokens[id], source.tokens[id]) << id;
  }
}

TEST(TokenizerForm, NamesEveryPreTokenizer) {
  for (const char* pre : {"deepseek-v3", "deepseek-llm", "deepseek-coder", "kimi-k2", "qwen2",
                          "llama-bpe", "gpt-2"}) {
    const auto back = ToGgufTokenizer(ThroughHuggingFace(DeepSeekLlm(pre)), 0);
    ASSERT_TRUE(back) << pre << ": " << back.error().message;
    EXPECT_EQ(back->pre, pre);
  }
}

TEST(TokenizerForm, RefusesAPreTokenizerWithoutAName) {
  TokenizerSource hf = ThroughHuggingFace(DeepSeekLlm("gpt-2"));
  json::Value root = *json::Parse(hf.tokenizer_json);
  json::Array& steps = root.at("pre_tokenizer").at("pretokenizers").as_array();
  steps[0].at("pattern").as_object()["Regex"] = R"(\p{L}{1,2})";
  hf.tokenizer_json = json::Write(root);
  const auto gguf = ToGgufTokenizer(hf, 0);
  ASSERT_FALSE(gguf);
  EXPECT_EQ(gguf.error().code, ErrorCode::kUnsupported);
}

TEST(TokenizerForm, FillsUpToTheEmbedding) {
  const TokenizerSource source = DeepSeekLlm("deepseek-llm");
  const auto count = static_cast<std::int64_t>(source.tokens.size());
  const auto back = ToGgufTokenizer(ThroughHuggingFace(source), count + 3);
  ASSERT_TRUE(back);
  ASSERT_EQ(back->tokens.size(), source.tokens.size() + 3);
  EXPECT_EQ(back->tokens.back(), fmt::format("[PAD{}]", count + 2));
  EXPECT_EQ(back->token_types.back(), 5);
}

TEST(TokenizerForm, PassesOnWhatIsInTheRightFormAlready) {
  TokenizerSource hf;
  hf.tokenizer_json = "text";
  hf.chat_template = "{{ x }}";
  const auto texts = ToHfTokenizer(hf);
  ASSERT_TRUE(texts);
  EXPECT_EQ(texts->tokenizer_json, "text");
  EXPECT_EQ(texts->chat_template, "{{ x }}");
  const auto none = ToGgufTokenizer({}, 10);
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->tokens.empty());
}

TEST(TokenizerSpec, HandsOnWhatTheOtherFilesSay) {
  TokenizerSource source = ThroughHuggingFace(DeepSeekLlm("deepseek-llm"));
  const auto own = TokenizerSpec(source);
  ASSERT_TRUE(own) << own.error().message;
  source.eos_token_ids = {own->eos, 7, 8};
  source.chat_template = "beside";
  const auto spec = TokenizerSpec(source);
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->ends, (std::vector<tokenizer::TokenId>{own->eos, 7, 8}));
  EXPECT_EQ(spec->chat_template, "beside");
  // Of GGUF too, and from there back.
  const auto gguf = ToGgufTokenizer(source, static_cast<std::int64_t>(spec->tokens.size()));
  ASSERT_TRUE(gguf);
  EXPECT_EQ(TokenizerSpec(*gguf)->ends, spec->ends);
  EXPECT_EQ(gguf->chat_template, "beside");
}

TEST(TokenizerSpec, TakesTheModelsIdsWhereTheTokenizerNamesNone) {
  TokenizerSource source = DeepSeekLlm("deepseek-llm");
  const std::int64_t bos = source.bos_token_id, eos = source.eos_token_id;
  source.tokens[static_cast<std::size_t>(bos)] = "<begin>";
  source.tokens[static_cast<std::size_t>(eos)] = "<end>";
  source.bos_token_id = source.eos_token_id = -1;
  source.eos_token_ids = {};
  TokenizerSource hf = ThroughHuggingFace(source);
  EXPECT_EQ(TokenizerSpec(hf)->bos, -1);
  hf.bos_token_id = bos;
  hf.eos_token_id = eos;
  hf.eos_token_ids = {eos};
  EXPECT_EQ(TokenizerSpec(hf)->bos, bos);
  EXPECT_EQ(TokenizerSpec(hf)->eos, eos);
}

TEST(TokenizerSpec, RefusesNoTokenizerAndTooManyEndIds) {
  EXPECT_EQ(TokenizerSpec({}).error().code, ErrorCode::kNotFound);
  TokenizerSource source = DeepSeekLlm("deepseek-llm");
  for (std::int64_t id = 0; id < 65; ++id) source.eos_token_ids.push_back(id);
  EXPECT_EQ(TokenizerSpec(source).error().code, ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace holdfast::convert
