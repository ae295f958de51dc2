#include "tokenizer/tokenizer.h"

#include <algorithm>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_rounds.h"
#include "tokenizer/bpe.h"
#include "tokenizer/test_vocabulary.h"

namespace holdfast::tokenizer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class RealVocabulary : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const TestVocabulary vocabulary = LoadDeepSeekLlm(HOLDFAST_SOURCE_DIR);
    auto spec = SpecFromGguf(vocabulary.Gguf("deepseek-llm"));
    ASSERT_TRUE(spec) << spec.error().message;
    auto made = Tokenizer::Make(std::move(*spec));
    ASSERT_TRUE(made) << made.error().message;
    tokenizer = made->release();
  }
  static void TearDownTestSuite() { delete tokenizer; }
  static const Tokenizer* tokenizer;
};
const Tokenizer* RealVocabulary::tokenizer = nullptr;

std::vector<std::string> SplitAt(const std::string& text, const std::string& separator) {
  std::vector<std::string> parts;
  std::size_t from = 0;
  for (std::size_t at; (at = text.find(separator, from)) != std::string::npos;) {
    parts.push_back(text.substr(from, at - from));
    from = at + separator.size();
  }
  parts.push_back(text.substr(from));
  return parts;
}

TEST_F(RealVocabulary, AgreesWithEveryPublishedVector) {
  const std::string dir = std::string(HOLDFAST_SOURCE_DIR) + "/tests/data/tokenizer/deepseek-llm";
  auto texts = SplitAt(ReadTestFile(dir + ".inp"), "\n__ggml_vocab_test__\n");
  ASSERT_TRUE(texts.back().empty());  // Each text ends with the separator.
  texts.pop_back();
  auto lines = SplitAt(ReadTestFile(dir + ".out"), "\n");
  ASSERT_TRUE(lines.back().empty());
  lines.pop_back();
  ASSERT_EQ(texts.size(), lines.size());
  ASSERT_GE(texts.size(), 40u);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::vector<TokenId> wanted;
    std::istringstream line(lines[i]);
    for (TokenId id; line >> id;) wanted.push_back(id);
    EXPECT_EQ(tokenizer->Encode(texts[i], {}), wanted) << "text " << i;
    EXPECT_EQ(tokenizer->Decode(wanted), texts[i]);
  }
}

TEST_F(RealVocabulary, AnyBytesComeBackOrAreReplaced) {
  std::mt19937 random(20);
  for (int round = 0; round < TestRounds(2000); ++round) {
    std::string text(random() % 200, '\0');
    for (char& byte : text) byte = static_cast<char>(random() % 2 ? 'a' + random() % 26 : random());
    std::string wanted;  // This vocabulary lacks the 13 bytes that no valid UTF-8 has.
    for (const char byte : text) {
      const auto value = static_cast<unsigned char>(byte);
      const bool is_missing = value == 0xC0 || value == 0xC1 || value > 0xF4;
      wanted += is_missing ? std::string("\uFFFD") : std::string(1, byte);
    }
    EXPECT_EQ(tokenizer->Decode(tokenizer->Encode(text, {})), wanted);
  }
}

// The file lists 13 letters as user-defined tokens; the original implementation finds them in any
// text, before any merge sees their bytes.
TEST_F(RealVocabulary, UserDefinedLettersAreVocabulary) {
  const auto ids = tokenizer->Encode("für", {});
  ASSERT_EQ(ids.size(), 3u);
  EXPECT_EQ(ids[1], tokenizer->FindSpecial("ü"));
  EXPECT_EQ(tokenizer->Decode(ids), "für");
}

TEST_F(RealVocabulary, SpecialTextIsTextUnlessAsked) {
  const TokenId bos = tokenizer->bos();
  const std::string text(tokenizer->TokenBytes(bos));
  EXPECT_EQ(text, "<｜begin▁of▁sentence｜>");
  const auto plain = tokenizer->Encode(text + "Hello", {});
  EXPECT_EQ(std::count(plain.begin(), plain.end(), bos), 0);
  EXPECT_EQ(tokenizer->Decode(plain), text + "Hello");
  EXPECT_THAT(tokenizer->Encode(text + "Hello", {.parse_special = true}), ElementsAre(bos, 17464));
  EXPECT_THAT(tokenizer->Encode("Hello", {.add_bos = true}), ElementsAre(bos, 17464));
  EXPECT_EQ(tokenizer->FindSpecial(text), bos);
  EXPECT_EQ(tokenizer->FindSpecial("Hello"), std::nullopt);
  EXPECT_TRUE(tokenizer->IsSpecial(bos));
  EXPECT_FALSE(tokenizer->IsSpecial(17464));
  EXPECT_EQ(tokenizer->Decode(std::vector<TokenId>{bos, 17464}), "Hello");
  EXPECT_EQ(tokenizer->Decode(std::vector<TokenId>{bos, 17464}, true), text + "Hello");
}

TEST_F(RealVocabulary, IdsOutOfRangeAreEmpty) {
  const auto past = static_cast<TokenId>(tokenizer->vocab_size());
  for (const TokenId id : {-1, past, std::numeric_limits<TokenId>::max()}) {
    EXPECT_EQ(tokenizer->TokenBytes(id), "");
    EXPECT_FALSE(tokenizer->IsSpecial(id));
  }
  EXPECT_EQ(tokenizer->Decode(std::vector<TokenId>{-5, 17464, past}), "Hello");
}

std::unique_ptr<const Tokenizer> MakeOrDie(Spec spec) {
  auto made = Tokenizer::Make(std::move(spec));
  EXPECT_TRUE(made) << made.error().message;
  return std::move(*made);
}

TEST(Tokenizer, AnyBytesComeBackFromAFullAlphabet) {
  const auto tokenizer = MakeOrDie(SmallSpec({{"a", "b"}, {"\xff", "\xff"}}, {"<x>"}, {"\\s+"}));
  std::mt19937 random(3);
  for (int round = 0; round < TestRounds(1000); ++round) {
    std::string text(random() % 64, '\0');
    for (char& byte : text) byte = static_cast<char>(random());
    EXPECT_EQ(tokenizer->Decode(tokenizer->Encode(text, {})), text);
    EXPECT_EQ(tokenizer->Decode(tokenizer->Encode(text, {.parse_special = true}), true), text);
  }
}

TEST(Tokenizer, MarkupIsNeverFoundInPlainText) {
  Spec spec = SmallSpec({}, {"<|user|>"});
  spec.tokens.push_back({"<think>", Spec::Token::Kind::kUserDefined});
  spec.tokens.push_back({"  ", Spec::Token::Kind::kUserDefined});
  const auto tokenizer = MakeOrDie(spec);
  const std::string text = "<|user|><think>  ";
  EXPECT_THAT(tokenizer->Encode(text, {.parse_special = true}), ElementsAre(256, 257, 258));
  const auto plain = tokenizer->Encode(text, {});
  EXPECT_EQ(plain.size(), text.size() - 1);
  EXPECT_EQ(plain.back(), 258);
}

TEST(Tokenizer, MergesByRankThenLeftmost) {
  const auto tokenizer =
      MakeOrDie(SmallSpec({{"b", "c"}, {"a", "b"}, {"a", "a"}, {"aa", "a"}}, {}));
  EXPECT_THAT(tokenizer->Encode("abc", {}), ElementsAre('a', 256));   // bc before ab.
  EXPECT_THAT(tokenizer->Encode("aaaa", {}), ElementsAre(258, 258));  // Leftmost pairs first.
  EXPECT_THAT(tokenizer->Encode("aaa", {}), ElementsAre(259));
}

TEST(Tokenizer, IgnoreMergesTakesWholePieces) {
  // "abc" cannot be reached by merges: "ab" is taken first and "ab"+"c" does not merge.
  Spec spec = SmallSpec({{"a", "b"}, {"b", "c"}, {"a", "bc"}}, {});
  EXPECT_THAT(MakeOrDie(spec)->Encode("abc", {}), ElementsAre(256, 'c'));
  spec.ignore_merges = true;
  EXPECT_THAT(MakeOrDie(spec)->Encode("abc", {}), ElementsAre(258));
}

TEST(Tokenizer, SpecialsMatchLongestFirst) {
  const auto tokenizer = MakeOrDie(SmallSpec({}, {"<a", "<ab>", "<a>"}));
  EXPECT_THAT(tokenizer->Encode("<ab><a><abx<", {.parse_special = true}),
              ElementsAre(257, 258, 256, 'b', 'x', '<'));
}

TEST(Tokenizer, ByteTokensStandInForMissingBytes) {
  Spec spec = SmallSpec({}, {});
  spec.tokens['\n'] = {"<0x0A>", Spec::Token::Kind::kByte};
  const auto tokenizer = MakeOrDie(spec);
  EXPECT_THAT(tokenizer->Encode("a\n", {}), ElementsAre('a', '\n'));
  EXPECT_EQ(tokenizer->Decode(std::vector<TokenId>{'\n'}), "\n");
}

// A plain twin of Bpe: rescans everything after each merge.
std::vector<TokenId> EncodePlainly(const std::vector<std::pair<std::string, std::string>>& merges,
                                   const std::string& text) {
  std::vector<std::string> symbols;
  for (const char byte : text) symbols.emplace_back(1, byte);
  while (true) {
    std::size_t best_rank = merges.size();
    std::size_t best_at = 0;
    for (std::size_t at = 0; at + 1 < symbols.size(); ++at) {
      for (std::size_t rank = 0; rank < best_rank; ++rank) {
        if (merges[rank] == std::pair(symbols[at], symbols[at + 1])) {
          best_rank = rank;
          best_at = at;
        }
      }
    }
    if (best_rank == merges.size()) break;
    symbols[best_at] += symbols[best_at + 1];
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best_at) + 1);
  }
  std::vector<TokenId> ids;
  for (const std::string& symbol : symbols) {
    TokenId id = symbol.size() == 1 ? static_cast<unsigned char>(symbol[0]) : -1;
    for (std::size_t rank = 0; rank < merges.size() && id < 0; ++rank) {
      if (merges[rank].first + merges[rank].second == symbol) id = static_cast<TokenId>(256 + rank);
    }
    ids.push_back(id);
  }
  return ids;
}

TEST(Bpe, ShortAndLongPiecesAgreeWithThePlainTwin) {
  std::mt19937 random(5);
  for (int round = 0; round < TestRounds(60); ++round) {
    std::vector<std::pair<std::string, std::string>> merges;
    std::vector<std::string> known{"a", "b", "c"};
    for (int i = 0; i < 20; ++i) {
      const std::pair pair(known[random() % known.size()], known[random() % known.size()]);
      const std::string joined = pair.first + pair.second;
      if (std::find(known.begin(), known.end(), joined) != known.end()) continue;
      merges.push_back(pair);
      known.push_back(joined);
    }
    const auto tokenizer = MakeOrDie(SmallSpec(merges, {}));
    for (const std::size_t length : {1u, 2u, 7u, 47u, 48u, 49u, 120u}) {
      std::string text;
      for (std::size_t i = 0; i < length; ++i) text += static_cast<char>('a' + random() % 3);
      EXPECT_EQ(tokenizer->Encode(text, {}), EncodePlainly(merges, text)) << text;
    }
  }
}

TEST(Tokenizer, OnePieceOfAMegabyteIsNotQuadratic) {
  const auto tokenizer = MakeOrDie(SmallSpec({{"a", "a"}, {"aa", "aa"}, {"aaaa", "aaaa"}}, {}));
  EXPECT_EQ(tokenizer->Encode(std::string(1 << 20, 'a'), {}).size(), (1u << 20) / 8);
}

TEST(Tokenizer, RefusesBrokenSpecs) {
  using Kind = Spec::Token::Kind;
  const auto broken = [](auto change) {
    Spec spec = SmallSpec({{"a", "b"}}, {"<x>"});
    change(spec);
    auto made = Tokenizer::Make(std::move(spec));
    EXPECT_FALSE(made);
    return made ? Error{} : made.error();
  };
  Error error = broken([](Spec& spec) { spec.merges.emplace_back("a", "zz"); });
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.message, HasSubstr("merge 1"));
  error = broken([](Spec& spec) { spec.tokens.erase(spec.tokens.begin() + 7); });
  EXPECT_THAT(error.message, HasSubstr("byte 0x07"));
  error = broken([](Spec& spec) { spec.bos = 1000; });
  EXPECT_THAT(error.message, HasSubstr("outside the 258 tokens"));
  error = broken([](Spec& spec) { spec.tokens[3].text = std::string(5000, 'a'); });
  EXPECT_EQ(error.code, ErrorCode::kTooLarge);
  error = broken([](Spec& spec) { spec.tokens.push_back({"<0xZZ>", Kind::kByte}); });
  EXPECT_THAT(error.message, HasSubstr("token 258"));
  error = broken([](Spec& spec) { spec.tokens.resize(Tokenizer::kTokensMax + 1); });
  EXPECT_EQ(error.code, ErrorCode::kTooLarge);
  error = broken([](Spec& spec) { spec.merges.resize(Tokenizer::kMergesMax + 1); });
  EXPECT_EQ(error.code, ErrorCode::kTooLarge);
  // A merge may never make a control token: text could then forge a turn.
  error = broken([](Spec& spec) {
    spec.tokens.push_back({"bc", Kind::kControl});
    spec.merges.emplace_back("b", "c");
  });
  EXPECT_THAT(error.message, HasSubstr("merge 1"));
}

TEST(SpecFromGguf, RefusesBrokenArrays) {
  TestVocabulary good;
  good.tokens = {"a", "b", "ab"};
  good.types = {1, 1, 1};
  good.merges = {"a b"};
  EXPECT_TRUE(SpecFromGguf(good.Gguf("deepseek-v3")));
  EXPECT_EQ(SpecFromGguf(good.Gguf("unheard-of")).error().code, ErrorCode::kUnsupported);
  const auto message = [&](auto change) {
    TestVocabulary bad = good;
    change(bad);
    const auto spec = SpecFromGguf(bad.Gguf("deepseek-v3"));
    return spec ? std::string("accepted") : spec.error().message;
  };
  EXPECT_THAT(message([](auto& v) { v.types.pop_back(); }), HasSubstr("2 token types"));
  EXPECT_THAT(message([](auto& v) { v.types[1] = 9; }), HasSubstr("token 1 has type 9"));
  EXPECT_THAT(message([](auto& v) { v.merges.push_back("ab"); }), HasSubstr("merge 1"));
  EXPECT_THAT(message([](auto& v) { v.merges.push_back("a b c"); }), HasSubstr("merge 1"));
  EXPECT_THAT(message([](auto& v) { v.bos = 3; }), HasSubstr("bos_token_id 3"));
  EXPECT_THAT(message([](auto& v) { v.eos = -7; }), HasSubstr("eos_token_id -7"));
}

}  // namespace
}  // namespace holdfast::tokenizer
