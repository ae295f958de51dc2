#include "trainer/data/bpe_trainer.h"

#include <gtest/gtest.h>

namespace holdfast::trainer {
namespace {

BpeMerges Train(const WordCounts& words, std::int64_t merges, bool are_digits_merged = false) {
  const auto learned =
      TrainBpe(words, {.merge_count_max = merges, .are_digits_merged = are_digits_merged});
  EXPECT_TRUE(learned) << learned.error().message;
  return *learned;
}

// The plain way: count all pairs anew for every merge.
std::vector<std::string> TrainSlowly(const WordCounts& words, int merges) {
  std::vector<std::pair<std::vector<std::int32_t>, std::int64_t>> split;
  for (const auto& [word, count] : words) {
    std::vector<std::int32_t> symbols;
    for (const char c : word) symbols.push_back(static_cast<unsigned char>(c));
    split.emplace_back(symbols, count);
  }
  std::vector<std::string> texts;
  for (int byte = 0; byte < 256; ++byte) texts.emplace_back(1, static_cast<char>(byte));
  for (int merge = 0; merge < merges; ++merge) {
    std::map<std::pair<std::int32_t, std::int32_t>, std::int64_t> counts;
    for (const auto& [symbols, count] : split) {
      for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
        counts[{symbols[i], symbols[i + 1]}] += count;
      }
    }
    std::pair<std::int32_t, std::int32_t> best{-1, -1};
    std::int64_t best_count = 1;
    for (const auto& [pair, count] : counts) {
      if (count > best_count) {
        best = pair;
        best_count = count;
      }
    }
    if (best.first < 0) break;
    const auto merged = static_cast<std::int32_t>(texts.size());
    texts.push_back(texts[best.first] + texts[best.second]);
    for (auto& [symbols, count] : split) {
      for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
        if (symbols[i] == best.first && symbols[i + 1] == best.second) {
          symbols[i] = merged;
          symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        }
      }
    }
  }
  return texts;
}

TEST(BpeTrainer, MergesTheMostFrequentPairFirst) {
  const BpeMerges learned = Train({{"low", 5}, {"lower", 2}, {"newest", 6}, {"widest", 3}}, 3);
  ASSERT_EQ(learned.symbols.size(), 259u);
  EXPECT_EQ(learned.symbols[256], "es");  // 9 times, as "st"; "es" has the smaller ids.
  EXPECT_EQ(learned.symbols[257], "est");
  EXPECT_EQ(learned.symbols[258], "lo");
}

TEST(BpeTrainer, AgreesWithRecountingAfterEveryMerge) {
  const WordCounts words = {{"aaaa", 7},    {"aaab", 3},        {"abab", 9},    {"banana", 11},
                            {"bandana", 4}, {" the", 40},       {" then", 12},  {" there", 9},
                            {" other", 15}, {"mississippi", 5}, {"aaaaaaa", 2}, {"nanana", 6}};
  EXPECT_EQ(Train(words, 40).symbols, TrainSlowly(words, 40));
}

TEST(BpeTrainer, KeepsDigitsApartUnlessAsked) {
  const WordCounts words = {{"123", 50}, {"ab", 10}};
  EXPECT_EQ(Train(words, 10).symbols.size(), 257u);
  EXPECT_EQ(Train(words, 10, true).symbols.size(), 259u);
}

TEST(BpeTrainer, StopsWhenNoPairRepeats) {
  EXPECT_EQ(Train({{"ab", 1}, {"cd", 1}}, 10).merges.size(), 0u);
}

TEST(BpeTrainer, LeavesOutOverlongWords) {
  EXPECT_EQ(Train({{std::string(65, 'x'), 100}}, 10).merges.size(), 0u);
}

TEST(BpeTrainer, RefusesNoWordsAndTooManyMerges) {
  EXPECT_EQ(TrainBpe({}, {.merge_count_max = 1}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(TrainBpe({{"ab", 2}}, {.merge_count_max = kMergeCountLimit + 1}).error().code,
            ErrorCode::kOutOfRange);
}

TEST(ByteAlphabet, WritesSpaceAndControlsAsPrintableLetters) {
  EXPECT_EQ(ToByteAlphabet(" a\n"), "\u0120a\u010A");
  EXPECT_EQ(ByteAlphabet()[0], "\u0100");
  EXPECT_EQ(ByteAlphabet()[0xAD], "\u0143");
  EXPECT_EQ(ByteAlphabet()[0xFF], "\u00FF");
}

}  // namespace
}  // namespace holdfast::trainer
