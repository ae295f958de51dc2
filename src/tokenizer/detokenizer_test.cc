#include "tokenizer/detokenizer.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_rounds.h"
#include "tokenizer/test_vocabulary.h"
#include "tokenizer/utf8.h"

namespace holdfast::tokenizer {
namespace {

std::unique_ptr<const Tokenizer> Bytes() {
  auto made = Tokenizer::Make(SmallSpec({{"\xE4", "\xBD"}, {"a", "\xF0"}, {"\xBD", "b"}}, {"<s>"}));
  EXPECT_TRUE(made) << made.error().message;
  return std::move(*made);
}

TEST(Detokenizer, HoldsBackHalfACharacter) {
  const auto tokenizer = Bytes();
  Detokenizer stream(*tokenizer);
  EXPECT_EQ(stream.Push('x'), "x");
  EXPECT_EQ(stream.Push(256), "");  // E4 BD
  EXPECT_EQ(stream.Push(259), "");  // A special token between changes nothing.
  EXPECT_EQ(stream.Push(0xA0), "\u4F60");
  EXPECT_EQ(stream.Finish(), "");
}

TEST(Detokenizer, ReplacesWhatCanNeverBeACharacter) {
  const auto tokenizer = Bytes();
  Detokenizer stream(*tokenizer);
  EXPECT_EQ(stream.Push(0xFF), "\uFFFD");
  EXPECT_EQ(stream.Push(256), "");
  EXPECT_EQ(stream.Push('!'), "\uFFFD!");
  EXPECT_EQ(stream.Push(257), "a");
  EXPECT_EQ(stream.Finish(), "\uFFFD");
  EXPECT_EQ(stream.Finish(), "");
  EXPECT_EQ(stream.Push(-1), "");
  EXPECT_EQ(stream.Push(100000), "");
}

// Whether the text is valid UTF-8 at each step, and the whole equals decoding at once.
void ExpectStreamEqualsWhole(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  Detokenizer stream(tokenizer);
  std::string streamed;
  for (const TokenId id : ids) {
    const std::string text = stream.Push(id);
    ASSERT_EQ(ValidUtf8Prefix(text), text.size());
    streamed += text;
  }
  streamed += stream.Finish();
  EXPECT_EQ(streamed, ReplaceInvalidUtf8(tokenizer.Decode(ids)));
}

TEST(Detokenizer, RandomStreamsEqualTheWhole) {
  const auto tokenizer = Bytes();
  // Bytes near the borders of the UTF-8 ranges, so that random runs are often nearly characters.
  constexpr unsigned char kEdges[] = {0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2,
                                      0xDF, 0xE0, 0xE1, 0xED, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF};
  std::mt19937 random(11);
  for (int round = 0; round < TestRounds(5000); ++round) {
    std::vector<TokenId> ids(random() % 24);
    for (TokenId& id : ids) {
      id = random() % 8 == 0 ? static_cast<TokenId>(random() % 262)
                             : kEdges[random() % std::size(kEdges)];
    }
    ExpectStreamEqualsWhole(*tokenizer, ids);
  }
}

TEST(Detokenizer, TellsWhichTokenBreaksAnUnfinishedCharacter) {
  const auto tokenizer = Bytes();
  Detokenizer detokenizer(*tokenizer);
  EXPECT_FALSE(detokenizer.Breaks('x'));
  detokenizer.Push(0xE6);
  EXPECT_FALSE(detokenizer.Breaks(0x9C));
  EXPECT_TRUE(detokenizer.Breaks('x'));
  EXPECT_TRUE(detokenizer.Breaks(0xE6));
  detokenizer.Push(0x9C);
  EXPECT_FALSE(detokenizer.Breaks(0xAC));
  EXPECT_EQ(detokenizer.Push('x'), "\uFFFDx");
}

TEST(Utf8, ReplacesMaximalPartsAsUnicodeSays) {
  const struct {
    std::string bytes;
    std::string wanted;
  } cases[] = {
      {"", ""},
      {"plain", "plain"},
      {"\u00E4\u4F60\U0001F999", "\u00E4\u4F60\U0001F999"},
      // The example of the Unicode standard, table 3-8.
      {"a\xF1\x80\x80\xE1\x80\xC2"
       "b\x80"
       "c\x80\xBF"
       "d",
       "a\uFFFD\uFFFD\uFFFDb\uFFFDc\uFFFD\uFFFDd"},
      {"\xC0\xAF", "\uFFFD\uFFFD"},                      // Overlong.
      {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},            // Surrogate.
      {"\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},  // Above U+10FFFF.
      {"\xE4\xBD", "\uFFFD"},
  };
  for (const auto& c : cases) EXPECT_EQ(ReplaceInvalidUtf8(c.bytes), c.wanted);
}

}  // namespace
}  // namespace holdfast::tokenizer
