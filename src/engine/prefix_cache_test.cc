#include "engine/prefix_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::engine {
namespace {

using ::testing::Contains;
using ::testing::Not;

constexpr std::int64_t kBlockTokens = 2;

// Runs `tokens` (full blocks) for `caller` as a sequence does: matches, computes the rest,
// publishes. Gives the block table, with its references.
std::vector<BlockId> Compute(PrefixCache& cache, const std::string& caller,
                             std::span<const TokenId> tokens) {
  const auto count = static_cast<std::int64_t>(tokens.size()) / kBlockTokens;
  std::vector<BlockId> table = cache.Match(caller, tokens, count);
  for (auto at = static_cast<std::int64_t>(table.size()); at < count; ++at) {
    table.push_back(cache.Take().value());
    table[at] = cache.Publish(caller, at > 0 ? std::optional(table[at - 1]) : std::nullopt,
                              tokens.subspan(at * kBlockTokens, kBlockTokens), table[at]);
  }
  cache.CheckInvariants();
  return table;
}

std::size_t MatchedCount(PrefixCache& cache, const std::string& caller,
                         std::span<const TokenId> tokens) {
  const std::vector<BlockId> found = cache.Match(caller, tokens, 1000);
  cache.Release(found);
  cache.CheckInvariants();
  return found.size();
}

const std::vector<TokenId> kSix = {1, 2, 3, 4, 5, 6};

TEST(PrefixCache, FindsTheBlocksOfTheSameBeginning) {
  PrefixCache cache(8, kBlockTokens, 1);
  const std::vector<BlockId> table = Compute(cache, "ann", kSix);
  cache.Release(table);
  EXPECT_EQ(cache.Match("ann", kSix, 3), table);
  cache.Release(table);
  EXPECT_EQ(MatchedCount(cache, "ann", std::vector<TokenId>{1, 2, 3, 4, 9, 9}), 2u);
  EXPECT_EQ(MatchedCount(cache, "ann", std::vector<TokenId>{1, 2, 3}), 1u) << "full blocks only";
  EXPECT_EQ(MatchedCount(cache, "ann", std::vector<TokenId>{3, 4, 5, 6}), 0u)
      << "the same tokens elsewhere are other latents";
}

TEST(PrefixCache, AsksForNoMoreThanTheLimit) {
  PrefixCache cache(8, kBlockTokens, 1);
  cache.Release(Compute(cache, "ann", kSix));
  const std::vector<BlockId> found = cache.Match("ann", kSix, 2);
  EXPECT_EQ(found.size(), 2u);
  cache.Release(found);
}

TEST(PrefixCache, CallersNeverSeeEachOthersBlocks) {
  PrefixCache cache(16, kBlockTokens, 1);
  cache.Release(Compute(cache, "ann", kSix));
  EXPECT_EQ(MatchedCount(cache, "bob", kSix), 0u);
  const std::vector<BlockId> of_bob = Compute(cache, "bob", kSix);
  const std::vector<BlockId> of_ann = cache.Match("ann", kSix, 3);
  for (const BlockId block : of_ann) EXPECT_THAT(of_bob, Not(Contains(block)));
}

TEST(PrefixCache, TheEmptyCallerSharesWithNobodyNotEvenItself) {
  PrefixCache cache(8, kBlockTokens, 1);
  cache.Release(Compute(cache, "", kSix));
  EXPECT_EQ(MatchedCount(cache, "", kSix), 0u);
  EXPECT_EQ(cache.pool().free_count(), 8);
}

TEST(PrefixCache, EqualBlocksComputedTwiceBecomeOne) {
  PrefixCache cache(8, kBlockTokens, 1);
  const std::vector<BlockId> first = Compute(cache, "ann", kSix);
  // A second sequence computed the same without having matched it.
  std::vector<BlockId> second;
  for (int at = 0; at < 3; ++at) {
    second.push_back(cache.Take().value());
    second[at] = cache.Publish("ann", at > 0 ? std::optional(second[at - 1]) : std::nullopt,
                               std::span(kSix).subspan(at * 2, 2), second[at]);
  }
  EXPECT_EQ(second, first);
  EXPECT_EQ(cache.pool().free_count(), 5);
  cache.Release(first);
  cache.Release(second);
  cache.CheckInvariants();
}

TEST(PrefixCache, EvictsTheLeastRecentlyUsedAndDescendantsFirst) {
  PrefixCache cache(5, kBlockTokens, 1);
  cache.Release(Compute(cache, "ann", kSix));
  cache.Release(Compute(cache, "bob", std::vector<TokenId>{7, 7, 8, 8}));
  EXPECT_EQ(cache.available_count(), 5);
  // Ann's last block goes first, then her middle one.
  const BlockId one = cache.Take().value();
  EXPECT_EQ(MatchedCount(cache, "ann", kSix), 2u);
  // Looking made Ann's blocks newer than Bob's.
  const BlockId two = cache.Take().value();
  EXPECT_EQ(MatchedCount(cache, "bob", std::vector<TokenId>{7, 7, 8, 8}), 1u);
  EXPECT_EQ(MatchedCount(cache, "ann", kSix), 2u);
  cache.Release(std::vector<BlockId>{one, two});
  cache.CheckInvariants();
}

TEST(PrefixCache, BlocksInUseAreNotEvicted) {
  PrefixCache cache(3, kBlockTokens, 1);
  const std::vector<BlockId> table = Compute(cache, "ann", kSix);
  EXPECT_FALSE(cache.Take().has_value());
  cache.Release(table);
  EXPECT_TRUE(cache.Take().has_value());
}

TEST(PrefixCache, ACallerWhoseBlocksAreGoneIsForgotten) {
  PrefixCache cache(2, kBlockTokens, 1);
  for (int i = 0; i < 100; ++i) {
    cache.Release(Compute(cache, "caller " + std::to_string(i), std::vector<TokenId>{1, 2, 3, 4}));
  }
  EXPECT_EQ(MatchedCount(cache, "caller 98", std::vector<TokenId>{1, 2, 3, 4}), 0u);
  EXPECT_EQ(MatchedCount(cache, "caller 99", std::vector<TokenId>{1, 2, 3, 4}), 2u);
}

TEST(PrefixCache, DoubtfulBlocksAreForgottenUnlessSomebodyElseUsesThem) {
  PrefixCache cache(8, kBlockTokens, 1);
  const std::vector<BlockId> shared = Compute(cache, "ann", std::vector<TokenId>{1, 2});
  const std::vector<BlockId> doubtful = Compute(cache, "ann", kSix);
  EXPECT_EQ(doubtful[0], shared[0]);
  cache.ReleaseAndForget(doubtful);
  cache.CheckInvariants();
  EXPECT_EQ(MatchedCount(cache, "ann", kSix), 1u);
  EXPECT_EQ(cache.pool().free_count(), 7);
}

}  // namespace
}  // namespace holdfast::engine
