#include "tokenizer/pre_tokenizer.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_rounds.h"
#include "tokenizer/pre_patterns.h"
#include "tokenizer/pre_syntax.h"
#include "tokenizer/test_vocabulary.h"

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

// Where Hugging Face's tokenizers splits "aX b1X2", by what X is: characters that came with
// Unicode 15, 15.1 and 16.
TEST(PreTokenizer, CharactersNewInUnicode15To16AreWhatTheyAre) {
  const struct {
    char32_t x;
    std::vector<std::string> pieces;  // With X for the character.
  } cases[] = {
      {0x1FA77, {"a", "X", " b", "1", "X", "2"}},  // So, 15.
      {0x1FAE8, {"a", "X", " b", "1", "X", "2"}},  // So, 15.
      {0x31350, {"aX", " b", "1", "X", "2"}},      // Lo, 15.
      {0x11F02, {"aX", " b", "1", "X", "2"}},      // Lo, 15.
      {0x11F00, {"aX", " b", "1", "X", "2"}},      // Mn, 15.
      {0x11F50, {"a", "X", " b", "1X2"}},          // Nd, 15.
      {0x1E4D0, {"aX", " b", "1", "X", "2"}},      // Lo, 15.
      {0x11B00, {"a", "X", " b", "1", "X", "2"}},  // Po, 15.
      {0x10EFD, {"aX", " b", "1", "X", "2"}},      // Mn, 15.
      {0x1D2C0, {"a", "X", " b", "1X2"}},          // No, 15.
      {0x2FFC, {"a", "X", " b", "1", "X", "2"}},   // So, 15.1.
      {0x31EF, {"a", "X", " b", "1", "X", "2"}},   // So, 15.1.
      {0x2EBF0, {"aX", " b", "1", "X", "2"}},      // Lo, 15.1.
      {0x10D50, {"aX", " b", "1", "X", "2"}},      // Lu, 16.
      {0x10D70, {"aX", " b", "1", "X", "2"}},      // Ll, 16.
      {0x10D4E, {"aX", " b", "1", "X", "2"}},      // Lm, 16.
      {0x10D40, {"a", "X", " b", "1X2"}},          // Nd, 16.
      {0x10D6E, {"a", "X", " b", "1", "X", "2"}},  // Pd, 16.
      {0x0897, {"aX", " b", "1", "X", "2"}},       // Mn, 16.
      {0x1C89, {"aX", " b", "1", "X", "2"}},       // Lu, 16.
      {0xA7CB, {"aX", " b", "1", "X", "2"}},       // Lu, 16.
      {0x1FAE9, {"a", "X", " b", "1", "X", "2"}},  // So, 16.
      {0x1CC00, {"a", "X", " b", "1", "X", "2"}},  // So, 16.
      {0x1CCF0, {"a", "X", " b", "1X2"}},          // Nd, 16.
      {0x13460, {"aX", " b", "1", "X", "2"}},      // Lo, 16.
      {0x16D40, {"aX", " b", "1", "X", "2"}},      // Lm, 16.
      {0x16D70, {"a", "X", " b", "1X2"}},          // Nd, 16.
      {0x113D4, {"a", "X", " b", "1", "X", "2"}},  // Po, 16.
      {0x11BE1, {"a", "X", " b", "1", "X", "2"}},  // Po, 16.
      {0x1E5D0, {"aX", " b", "1", "X", "2"}},      // Lo, 16.
  };
  for (const auto& c : cases) {
    const std::string x = EncodeUtf8(c.x);
    std::vector<std::string> wanted = c.pieces;
    for (std::string& piece : wanted) {
      if (const auto at = piece.find('X'); at != piece.npos) piece.replace(at, 1, x);
    }
    EXPECT_EQ(SplitNamed("deepseek-v3", "a" + x + " b1" + x + "2"), wanted) << x;
  }
}

// What Hugging Face's tokenizers (Oniguruma) makes of them.
TEST(PreTokenizer, PatternsMeanWhatTheyMeanInOniguruma) {
  const struct {
    std::string pattern;
    std::string text;
    std::vector<std::string> pieces;
  } cases[] = {
      {R"([a[b]]+)", "cabc", {"c", "ab", "c"}},
      {R"([a-d&&c-f]+)", "bcde", {"b", "cd", "e"}},
      {R"([^a-c&&[^b]]+)", "abcd", {"a", "b", "c", "d"}},
      {R"([^\S\n]+)", "a \n b", {"a", " ", "\n", " ", "b"}},
      {R"([^\P{L}x]+)", "1abxc2", {"1", "ab", "x", "c", "2"}},
      {R"(\P{^Han}+)", "a你b", {"a", "你", "b"}},
      {R"((?i:\p{Ll})+)", "aBcC", {"a", "B", "c", "C"}},
      {R"((?i:[\p{Lu}])+)", "aB1c", {"aB", "1", "c"}},
      {R"((?i:[^\p{Lu}])+)", "aB12c", {"aB", "12", "c"}},
      {R"((?i:'s))", "'s'S'ſ", {"'s", "'S", "'ſ"}},
      {R"(a(?i)b|c)", "aBCc", {"aB", "Cc"}},
      {R"((?i:a(?-i:b)c))", "ABCAbC", {"ABC", "AbC"}},
      {R"(\w+)", "a²b-c", {"a²b", "-", "c"}},
      {R"([\w]+)", "a²b-c", {"a", "²", "b", "-", "c"}},
      {R"(\h+)", "xfaceg", {"x", "face", "g"}},
      {R"(\d+)", "1٣²", {"1٣", "²"}},
      {R"(\bb)", "a b²b", {"a ", "b", "²b"}},
      {R"(x$)", "x\nyx", {"x", "\ny", "x"}},
      {R"(^x)", "xx\nxy", {"x", "x\n", "x", "y"}},
      {R"(a\Z)", "a\na\n", {"a\n", "a", "\n"}},
      {R"(.+)", "ab\ncd", {"ab", "\n", "cd"}},
      {R"((?m:.+))", "ab\ncd", {"ab\ncd"}},
      {R"(\s+$)", "a  \n  b  ", {"a", "  ", "\n  b", "  "}},
      {R"(a{,2})", "aaab", {"aa", "a", "b"}},
      {R"(^)", "a\nb", {"a\n", "b"}},
      {R"(x*)", "abxxc", {"a", "b", "xx", "c"}},
      {R"((?<n>a)(?#c)b)", "ab", {"ab"}},
      {R"([\]a-]+)", "]a-b", {"]a-", "b"}},
      {R"([^(\s|[.,])]+)", "ab, (c", {"ab", ", (", "c"}},
      {R"(\u4f60|\x{4f60})", "你", {"你"}},
      {R"(a{)", "a{b", {"a{", "b"}},
  };
  for (const auto& c : cases) {
    const auto splitter = PreTokenizer::Make(std::vector<std::string>{c.pattern});
    ASSERT_TRUE(splitter) << c.pattern << ": " << splitter.error().message;
    EXPECT_EQ(SplitBy(*splitter, c.text), c.pieces) << c.pattern;
  }
}

TEST(PreTokenizer, InvalidBytesArePiecesAndNothingIsLost) {
  EXPECT_THAT(SplitNamed("deepseek-v3", "ab\xff\xc3 c\xe4\xbd"),
              ElementsAre("ab", "\xff", "\xc3", " c", "\xe4\xbd"));
  std::mt19937 random(7);
  for (const char* name : {"deepseek-llm", "deepseek-v3", "kimi-k2", "qwen2", "gpt-2"}) {
    auto splitter = PreTokenizer::Named(name);
    ASSERT_TRUE(splitter);
    for (int round = 0; round < TestRounds(300); ++round) {
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
      {")", ErrorCode::kInvalidArgument},
      {"(?i", ErrorCode::kInvalidArgument},
      {"[b-a]", ErrorCode::kInvalidArgument},
      {R"([a-\d])", ErrorCode::kInvalidArgument},
      {R"(\x{110000})", ErrorCode::kInvalidArgument},
      {"\xff", ErrorCode::kInvalidArgument},
      {R"(\xe9)", ErrorCode::kUnsupported},
      {R"((a)\1)", ErrorCode::kUnsupported},
      {R"(\R)", ErrorCode::kUnsupported},
      {"[[:alpha:]]", ErrorCode::kUnsupported},
      {"[[[[[[[[[a]]]]]]]]]", ErrorCode::kUnsupported},
      {"(?x)a", ErrorCode::kUnsupported},
      {"a{2}+", ErrorCode::kUnsupported},
      {"a{2}?", ErrorCode::kUnsupported},
      {std::string(PreTokenizer::kPatternBytesMax + 1, 'a'), ErrorCode::kTooLarge},
  };
  for (const auto& c : cases) {
    auto made = PreTokenizer::Make(std::vector<std::string>{c.pattern});
    ASSERT_FALSE(made) << c.pattern;
    EXPECT_EQ(made.error().code, c.code) << c.pattern;
    EXPECT_THAT(made.error().message, HasSubstr("pre-tokenizer pattern"));
  }
  std::string many_sets;
  for (std::size_t i = 0; i <= SetPool::kSetsMax; ++i) {
    many_sets += fmt::format("\\x{{{:x}}}", 0x4E00 + i);
  }
  const auto too_large = PreTokenizer::Make(std::vector<std::string>{many_sets});
  ASSERT_FALSE(too_large);
  EXPECT_EQ(too_large.error().code, ErrorCode::kTooLarge);
  const std::vector<std::string> long_ones(3, std::string(PreTokenizer::kPatternBytesMax, 'a'));
  EXPECT_EQ(PreTokenizer::Make(long_ones).error().code, ErrorCode::kTooLarge);
  EXPECT_TRUE(PreTokenizer::Make(std::span(long_ones).first(2)));
  const std::vector<std::string> many(PreTokenizer::kPatternsMax + 1, "a");
  EXPECT_EQ(PreTokenizer::Make(many).error().code, ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace holdfast::tokenizer
