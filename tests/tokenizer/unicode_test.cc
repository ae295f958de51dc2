// Every assigned code point of Unicode 16 gives the ids that Hugging Face's tokenizers gives, in a
// few contexts and in random texts, whatever PCRE2 is installed. The expected hashes and how they
// come about: make_fixtures.py.
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tokenizer/test_vocabulary.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/unicode_property.h"

namespace holdfast {
namespace {

using tokenizer::Tokenizer;

constexpr std::array<std::string_view, 2> kPatterns{"deepseek-v3", "kimi-k2"};
constexpr std::uint64_t kRandomSeed = 16;
constexpr std::size_t kRandomTexts = 10'000;
constexpr std::size_t kRandomGroup = 100;
constexpr char32_t kPrivatePlanes = 0xF0000;

// One hash for each of kPatterns.
using Hashes = std::array<std::uint32_t, kPatterns.size()>;

std::vector<char32_t> AssignedCodePoints() {
  const auto* unassigned = tokenizer::FindUnicodeProperty("Cn");
  const auto* surrogates = tokenizer::FindUnicodeProperty("Cs");
  const auto assigned = unassigned->Union(*surrogates).Complement();
  std::vector<char32_t> code_points;
  for (const tokenizer::CodePointRange range : assigned.ranges()) {
    for (char32_t c = range.first; c <= range.last; ++c) code_points.push_back(c);
  }
  return code_points;
}

class UnicodeTest : public testing::Test {
 protected:
  UnicodeTest() {
    const auto vocabulary = tokenizer::LoadDeepSeekLlm(HOLDFAST_SOURCE_DIR);
    for (const std::string_view pattern : kPatterns) {
      auto spec = tokenizer::SpecFromGguf(vocabulary.Gguf(pattern));
      CHECK(spec.has_value());
      auto made = Tokenizer::Make(std::move(*spec));
      CHECK(made.has_value());
      tokenizers_.push_back(std::move(*made));
    }
    std::istringstream lines(tokenizer::ReadTestFile(std::string(HOLDFAST_SOURCE_DIR) +
                                                     "/tests/data/tokenizer/unicode_16.hashes"));
    for (std::string name; lines >> name >> std::hex;) {
      for (std::uint32_t& hash : expected_[name]) lines >> hash;
    }
  }

  // FNV-1a over whole ids, each text closed by its number of them.
  void Hash(const std::string& name, const std::string& text) {
    constexpr std::uint32_t kBasis = 0x811C9DC5;
    constexpr std::uint32_t kPrime = 0x01000193;
    Hashes& hashes = actual_.try_emplace(name, Hashes{kBasis, kBasis}).first->second;
    for (std::size_t i = 0; i < tokenizers_.size(); ++i) {
      const auto ids = tokenizers_[i]->Encode(text, {});
      for (const tokenizer::TokenId id : ids) {
        hashes[i] = (hashes[i] ^ static_cast<std::uint32_t>(id)) * kPrime;
      }
      hashes[i] = (hashes[i] ^ static_cast<std::uint32_t>(ids.size())) * kPrime;
    }
  }

  // Compares what was hashed with the fixture's lines whose names begin, or do not, with "random".
  void ExpectTheFixture(bool is_random) const {
    std::size_t count = 0;
    for (const auto& [name, hashes] : expected_) {
      if (name.starts_with("random") != is_random) continue;
      ++count;
      const auto found = actual_.find(name);
      ASSERT_NE(found, actual_.end()) << name;
      for (std::size_t i = 0; i < kPatterns.size(); ++i) {
        EXPECT_EQ(found->second[i], hashes[i]) << name << " by " << kPatterns[i];
      }
    }
    EXPECT_EQ(count, actual_.size());
  }

 private:
  std::vector<std::shared_ptr<const Tokenizer>> tokenizers_;
  std::map<std::string, Hashes> expected_;
  std::map<std::string, Hashes> actual_;
};

TEST_F(UnicodeTest, EveryAssignedCodePointGivesTheIdsOfHuggingFace) {
  for (const char32_t c : AssignedCodePoints()) {
    const std::string name = fmt::format("{:04x}xx", static_cast<std::uint32_t>(c) >> 8);
    const std::string x = tokenizer::EncodeUtf8(c);
    for (const std::string& text : {"a" + x + " b", "a " + x + " b", "1" + x, x, " " + x, x + x}) {
      Hash(name, text);
    }
  }
  ExpectTheFixture(/*is_random=*/false);
}

TEST_F(UnicodeTest, RandomTextsOfAllScriptsGiveTheIdsOfHuggingFace) {
  std::vector<char32_t> code_points = AssignedCodePoints();
  std::erase_if(code_points, [](char32_t c) { return c >= kPrivatePlanes; });
  std::uint64_t state = kRandomSeed;
  const auto draw = [&](std::size_t count) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % count;
  };
  for (std::size_t i = 0; i < kRandomTexts; ++i) {
    std::string text;
    for (std::size_t left = 1 + draw(40); left > 0; --left) {
      text += tokenizer::EncodeUtf8(draw(2) == 0 ? static_cast<char32_t>(draw(128))
                                                 : code_points[draw(code_points.size())]);
    }
    Hash(fmt::format("random_{:02}", i / kRandomGroup), text);
  }
  ExpectTheFixture(/*is_random=*/true);
}

}  // namespace
}  // namespace holdfast
