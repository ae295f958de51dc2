#include "api/engine/token_sizes.h"

#include <gtest/gtest.h>

#include "api/engine/wire.h"
#include "tokenizer/test_vocabulary.h"

namespace holdfast::api {
namespace {

// All bytes, these words, and an end of sentence that no text becomes.
std::unique_ptr<const tokenizer::Tokenizer> Vocabulary(const std::vector<std::string>& words) {
  tokenizer::Spec spec = tokenizer::SmallSpec({}, {"<|end of sentence|>"});
  for (const std::string& word : words) {
    spec.tokens.push_back({tokenizer::ToByteAlphabet(word), tokenizer::Spec::Token::Kind::kNormal});
  }
  return tokenizer::Tokenizer::Make(std::move(spec)).value();
}

TEST(TokenSizes, TextHasAtLeastOneTokenForEveryLongestTokensBytes) {
  const TokenSizes sizes(*Vocabulary({"abcd"}));
  EXPECT_EQ(sizes.TokensMin(0), 0u);
  EXPECT_EQ(sizes.TokensMin(1), 1u);
  EXPECT_EQ(sizes.TokensMin(8), 2u);
  EXPECT_EQ(sizes.TokensMin(9), 3u);
}

// Whatever the engine says, no answer is longer than what was promised before.
TEST(TokenSizes, NoAnswerIsLargerThanItsBound) {
  const auto tokenizer = Vocabulary({"\x01\x01\x01\x01", "\"\"\"", "\xE6\x9C", "a long token"});
  const TokenSizes sizes(*tokenizer);
  const auto vocab = static_cast<engine::TokenId>(tokenizer->vocab_size());
  for (const std::int32_t top : {0, 1, 5, 20}) {
    for (engine::TokenId id = 0; id < vocab; ++id) {
      ShownToken token;
      token.event = {.id = id, .logprob = -1.2345678e-30f, .top_logprobs = {}};
      for (int i = 0; i < top; ++i) {
        token.event.top_logprobs.emplace_back(vocab - 1 - i, -9.8765432e-20f);
      }
      token.text_offset = 123'456'789;
      const std::string text = json::Write(json::Value(TokenText(*tokenizer, id)));
      const std::size_t bound = sizes.AnswerBytesMax(top);
      const std::string chat = json::Write(ChatTokenJson(*tokenizer, token));
      EXPECT_LE(text.size() + chat.size() + 1, bound) << top << ' ' << chat;
      const TextTokenJson json = MakeTextTokenJson(*tokenizer, token);
      const std::size_t arrays = json::Write(json::Value(json.text)).size() +
                                 json::Write(json::Value(json.logprob)).size() +
                                 json::Write(json::Value(json.top)).size() +
                                 std::to_string(json.text_offset).size() + 4;
      EXPECT_LE(text.size() + arrays, bound) << top << ' ' << id;
    }
  }
}

TEST(TextLogprobs, TokensWithOneTextDoNotHideEachOther) {
  const auto tokenizer = Vocabulary({});
  ShownToken token;
  token.event = {.id = 0x9C, .logprob = -3, .top_logprobs = {{'a', -1}, {0x80, -2}, {0x9C, -3}}};
  EXPECT_EQ(json::Write(MakeTextTokenJson(*tokenizer, token).top),
            json::Write(json::Object{{"a", -1.0}, {"\uFFFD", -2.0}, {"token_id:156", -3.0}}));
  // The token that was taken is there even where it is none of the likeliest.
  token.event = {.id = 'b', .logprob = -9, .top_logprobs = {{'a', -1}}};
  EXPECT_EQ(json::Write(MakeTextTokenJson(*tokenizer, token).top),
            json::Write(json::Object{{"a", -1.0}, {"b", -9.0}}));
}

}  // namespace
}  // namespace holdfast::api
