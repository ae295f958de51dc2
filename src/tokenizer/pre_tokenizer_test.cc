#include "tokenizer/pre_tokenizer.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tokenizer/pre_patterns.h"

namespace holdfast::tokenizer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> SplitBy(const PreTokenizer& splitter, std::string_view text) {
  std::vector<std::string_view> pieces;
  splitter.Split(text, pieces);
  return {pieces.begin(), pieces.end()};
}

std::vector<std::string> SplitNamed(std::string_view name, std::string_view text) {
  auto splitter = PreTokenizer::Named(name);
  EXPECT_TRUE(splitter) << splitter.error().message;
  return SplitBy(*splitter, text);
}

TEST(PreTokenizer, DeepSeekV3SplitsNumbersByThreeAndWordsWithTheirSpace) {
  EXPECT_THAT(SplitNamed("deepseek-v3", "Hello world, it's 12345 x"),
              ElementsAre("Hello", " world", ",", " it", "'s", " ", "123", "45", " x"));
  EXPECT_THAT(SplitNamed("deepseek-v3", "a  b\n\n  c\n"),
              ElementsAre("a", " ", " b", "\n\n", " ", " c", "\n"));
  EXPECT_THAT(SplitNamed("deepseek-v3", "我想在apple"), ElementsAre("我想在", "apple"));
  EXPECT_THAT(SplitNamed("deepseek-v3", "x;\ny"), ElementsAre("x", ";\n", "y"));
}

TEST(PreTokenizer, DeepSeekV3SplitsPiecesOfEarlierPatternsAgain) {
  // The second pattern takes the middle dot with the kana; the third splits it off again.
  EXPECT_THAT(SplitNamed("deepseek-v3", "ア・イ"), ElementsAre("ア", "・", "イ"));
}

TEST(PreTokenizer, DeepSeekLlmIsolatesNewlines) {
  EXPECT_THAT(SplitNamed("deepseek-llm", "ab cd!\n\n12  "),
              ElementsAre("ab", " cd", "!", "\n", "\n", "12", "  "));
}

TEST(PreTokenizer, KimiKeepsHanApartAndContractionsOn) {
  EXPECT_THAT(SplitNamed("kimi-k2", "I'M HelloWorld 你好abc"),
              ElementsAre("I'M", " Hello", "World", " ", "你好", "abc"));
}

TEST(PreTokenizer, OtherNamedPatterns) {
  EXPECT_THAT(SplitNamed("qwen2", "it's 123"), ElementsAre("it", "'s", " ", "1", "2", "3"));
  EXPECT_THAT(SplitNamed("llama-bpe", "a 1234"), ElementsAre("a", " ", "123", "4"));
  EXPECT_THAT(SplitNamed("gpt-2", "a 1234 b"), ElementsAre("a", " 1234", " b"));
  EXPECT_THAT(SplitNamed("deepseek-coder", "a 12"), ElementsAre("a", " ", "1", "2"));
  EXPECT_EQ(NamedPrePatterns("nobody").error().code, ErrorCode::kUnsupported);
}

TEST(PreTokenizer, WhiteSpaceIsUnicodesNotPcres) {
  // U+180E is not White_Space, U+3000 is.
  const std::vector<std::string> patterns{R"(\s+)"};
  auto splitter = PreTokenizer::Make(patterns);
  ASSERT_TRUE(splitter);
  EXPECT_THAT(SplitBy(*splitter, "a\u180Eb\u3000c"), ElementsAre("a\u180Eb", "\u3000", "c"));
}

TEST(PreTokenizer, IntersectionWithComplementMeansDifference) {
  const std::vector<std::string> patterns{R"([\p{L}&&[^\p{Han}x]]+)"};
  auto splitter = PreTokenizer::Make(patterns);
  ASSERT_TRUE(splitter) << splitter.error().message;
  EXPECT_THAT(SplitBy(*splitter, "ab你xc"), ElementsAre("ab", "你x", "c"));
}

// The published Kimi pattern, with class intersections, and our form of it without.
TEST(PreTokenizer, KimiWithAndWithoutIntersectionsIsTheSame) {
  constexpr std::string_view kPublished =
      R"([\p{Han}]+)"
      R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*)"
      R"([\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
      R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+)"
      R"([\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
      R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  auto published = PreTokenizer::Make(std::vector<std::string>{std::string(kPublished)});
  ASSERT_TRUE(published) << published.error().message;
  auto named = PreTokenizer::Named("kimi-k2");
  ASSERT_TRUE(named);
  const std::vector<std::string> parts{"a", "Z",  "é",      "你", "々",     "〇",  "ー", "कि",
                                       "1", "Ⅷ",  " ",      "\n", "'s",     "'LL", "!",  "ʰ",
                                       "ǅ", "한", "\u0301", "\t", "\u3000", "🦙"};
  std::mt19937 random(9);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (std::size_t i = random() % 12; i > 0; --i) text += parts[random() % parts.size()];
    EXPECT_EQ(SplitBy(*published, text), SplitBy(*named, text)) << text;
  }
}

TEST(PreTokenizer, InvalidBytesArePiecesAndNothingIsLost) {
  EXPECT_THAT(SplitNamed("deepseek-v3", "ab\xff\xc3 c\xe4\xbd"),
              ElementsAre("ab", "\xff", "\xc3", " c", "\xe4\xbd"));
  std::mt19937 random(7);
  for (const char* name : {"deepseek-llm", "deepseek-v3", "kimi-k2", "qwen2", "gpt-2"}) {
    auto splitter = PreTokenizer::Named(name);
    ASSERT_TRUE(splitter);
    for (int round = 0; round < 300; ++round) {
      std::string text(random() % 40, '\0');
      for (char& byte : text) byte = static_cast<char>(random() % 3 ? random() % 128 : random());
      std::string joined;
      for (const std::string& piece : SplitBy(*splitter, text)) {
        EXPECT_FALSE(piece.empty());
        joined += piece;
      }
      EXPECT_EQ(joined, text) << name;
    }
  }
}

TEST(PreTokenizer, LongRunsTakeLinearTime) {
  const std::size_t length = 1 << 20;
  for (const char* name : {"deepseek-llm", "deepseek-coder", "deepseek-v3", "kimi-k2", "qwen2"}) {
    for (const std::string unit : {" ", "a", "A", "\n", "!", "1", "你", "'", "\u00A0"}) {
      std::string text;
      while (text.size() < length) text += unit;
      text += "a";
      std::size_t bytes = 0;
      for (const std::string& piece : SplitNamed(name, text)) bytes += piece.size();
      EXPECT_EQ(bytes, text.size());
    }
  }
}

// The longer texts need more stack than PCRE2 takes of the thread's, and than it may grow.
TEST(PreTokenizer, DeepMatchesAreFoundOnEveryStack) {
  const std::vector<std::string> patterns{R"((?:a|b)+;)"};
  auto splitter = PreTokenizer::Make(patterns);
  ASSERT_TRUE(splitter);
  std::string text;
  std::vector<std::string> pieces;
  for (const std::size_t length : {10, 20'000, 60'000, 20'000, 10}) {
    pieces.push_back(std::string(length, 'a') + ';');
    text += pieces.back();
  }
  EXPECT_EQ(SplitBy(*splitter, text), pieces);
}

TEST(PreTokenizer, HostilePatternStopsAtItsLimitAndLosesNothing) {
  const std::vector<std::string> patterns{R"((a+)+b)"};
  auto splitter = PreTokenizer::Make(patterns);
  ASSERT_TRUE(splitter);
  const std::string text(64, 'a');
  EXPECT_THAT(SplitBy(*splitter, text), ElementsAre(text));
}

TEST(PreTokenizer, RefusesPatternsItCannotExpress) {
  const struct {
    std::string pattern;
    ErrorCode code;
  } cases[] = {
      {"(", ErrorCode::kInvalidArgument},
      {"[a", ErrorCode::kInvalidArgument},
      {"a\\", ErrorCode::kInvalidArgument},
      {R"(\pL)", ErrorCode::kInvalidArgument},
      {R"(\p{Nonsense})", ErrorCode::kInvalidArgument},
      {R"([a[b]])", ErrorCode::kUnsupported},
      {R"([a&&b])", ErrorCode::kUnsupported},
      {R"([\S])", ErrorCode::kUnsupported},
      {R"(\h)", ErrorCode::kUnsupported},
      {std::string(PreTokenizer::kPatternBytesMax + 1, 'a'), ErrorCode::kTooLarge},
  };
  for (const auto& c : cases) {
    auto made = PreTokenizer::Make(std::vector<std::string>{c.pattern});
    ASSERT_FALSE(made) << c.pattern;
    EXPECT_EQ(made.error().code, c.code) << c.pattern;
    EXPECT_THAT(made.error().message, HasSubstr("pre-tokenizer pattern"));
  }
  const std::vector<std::string> many(PreTokenizer::kPatternsMax + 1, "a");
  EXPECT_EQ(PreTokenizer::Make(many).error().code, ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace holdfast::tokenizer
