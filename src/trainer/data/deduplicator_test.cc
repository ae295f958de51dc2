#include "trainer/data/deduplicator.h"

#include <gtest/gtest.h>

#include "trainer/data/hash64.h"

namespace holdfast::trainer {
namespace {

// `count` words from a vocabulary of 5000, by a seed.
std::vector<std::string> RandomWords(std::uint64_t seed, std::size_t count) {
  SplitMix64 random(seed);
  std::vector<std::string> words;
  for (std::size_t i = 0; i < count; ++i) words.push_back("w" + std::to_string(random.Below(5000)));
  return words;
}

std::string Join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += word + " ";
  return text;
}

TEST(NormaliseText, IgnoresCaseSpacesAndPunctuation) {
  EXPECT_EQ(NormaliseText("  Hello,\n WORLD -- 3!\u00E9"), "hello world 3 \u00E9");
}

TEST(Deduplicator, FindsExactRepeatsUpToCaseAndPunctuation) {
  Deduplicator dedup({});
  EXPECT_EQ(dedup.Add("Hello, how are you?"), Duplicate::kNew);
  EXPECT_EQ(dedup.Add("hello how are you"), Duplicate::kExact);
  EXPECT_EQ(dedup.Add("hello how are we"), Duplicate::kNew);
}

TEST(Deduplicator, FindsNearRepeatsOfLongDocuments) {
  Deduplicator dedup({});
  int found = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    std::vector<std::string> words = RandomWords(seed, 300);
    EXPECT_EQ(dedup.Add(Join(words)), Duplicate::kNew);
    words[17] = "changed";  // 5 of about 296 shingles: similarity 0.97.
    words[200] = "also";
    found += dedup.Add(Join(words)) == Duplicate::kNear;
  }
  EXPECT_EQ(found, 50);
}

TEST(Deduplicator, KeepsDocumentsThatShareHalfTheirText) {
  Deduplicator dedup({});
  int kept = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    std::vector<std::string> words = RandomWords(1000 + seed, 300);
    dedup.Add(Join(words));
    const std::vector<std::string> others = RandomWords(2000 + seed, 150);
    std::copy(others.begin(), others.end(), words.begin());  // Similarity one third.
    kept += dedup.Add(Join(words)) == Duplicate::kNew;
  }
  EXPECT_EQ(kept, 50);
}

TEST(Deduplicator, ComparesShortDocumentsExactlyOnly) {
  Deduplicator dedup({.near_words_min = 30});
  const std::vector<std::string> words = RandomWords(7, 29);
  EXPECT_EQ(dedup.Add(Join(words)), Duplicate::kNew);
  EXPECT_EQ(dedup.Add(Join(words) + "more"), Duplicate::kNew);
}

TEST(Deduplicator, NearComparisonCanBeTurnedOff) {
  Deduplicator dedup({.is_near_on = false});
  const std::vector<std::string> words = RandomWords(7, 300);
  EXPECT_EQ(dedup.Add(Join(words)), Duplicate::kNew);
  EXPECT_EQ(dedup.Add(Join(words) + "more"), Duplicate::kNew);
}

}  // namespace
}  // namespace holdfast::trainer
