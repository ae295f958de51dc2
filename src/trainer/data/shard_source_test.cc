#include "trainer/data/shard_source.h"

#include <map>

#include <gtest/gtest.h>

#include "trainer/data/hash64.h"

namespace holdfast::trainer {
namespace {

constexpr std::int32_t kBos = 0;
constexpr std::int32_t kPad = 2;

// Documents of 2..60 tokens; token values tell the document: all tokens after BOS are `10 + d`.
std::filesystem::path MakeShard(const std::string& name, int documents, std::int32_t first,
                                bool has_mask = false) {
  TokenShardBuilder builder(std::vector<std::uint8_t>(5000, 3), kPad, has_mask);
  SplitMix64 random(Hash64(name));
  for (int d = 0; d < documents; ++d) {
    std::vector<std::int32_t> ids = {kBos};
    const std::uint64_t length = 1 + random.Below(60);
    ids.insert(ids.end(), length, first + d);
    std::vector<std::uint8_t> mask(has_mask ? ids.size() : 0);
    for (std::size_t i = ids.size() / 2; i < mask.size(); ++i) mask[i] = 1;
    builder.Add(ids, mask);
  }
  auto path = std::filesystem::path(testing::TempDir()) / (name + ".tokens");
  EXPECT_TRUE(builder.Write(path));
  return path;
}

std::unique_ptr<ShardSource> Open(const DataOptions& options) {
  auto source = ShardSource::Open(options);
  EXPECT_TRUE(source) << source.error().message;
  return std::move(*source);
}

TEST(ShardSource, EveryPassHoldsEveryTokenAsOftenAsAsked) {
  DataOptions options{
      .sets = {{"a", MakeShard("once", 40, 10), 0, 1}, {"b", MakeShard("thrice", 20, 100), 0, 3}},
      .seed = 5};
  const auto source = Open(options);
  std::map<std::int32_t, int> seen;
  PackedBatch batch;
  const std::int64_t rows = source->RowsPerPass(32);
  ASSERT_TRUE(source->Next(rows, 32, batch));
  for (std::size_t r = 0; r < static_cast<std::size_t>(rows); ++r) {
    for (std::size_t i = 0; i < 32; ++i) {
      if (batch.loss_mask[r * 32 + i] != 0) ++seen[batch.tokens[r * 33 + i + 1]];
    }
  }
  for (const auto& [set, copies] : {std::pair<std::size_t, int>{0, 1}, {1, 3}}) {
    const auto shard = TokenShard::Open(options.sets[set].path);
    for (std::int64_t d = 0; d < shard->document_count(); ++d) {
      const std::int64_t length = shard->DocumentEnd(d) - shard->DocumentBegin(d) - 1;
      EXPECT_EQ(seen[shard->Token(shard->DocumentBegin(d) + 1)], copies * length);
    }
  }
  EXPECT_EQ(source->pass(), 0);
  ASSERT_TRUE(source->Next(1, 32, batch));
  EXPECT_EQ(source->pass(), 1);
}

TEST(ShardSource, RowsBeginWithPiecesAndTargetsStayInsideSegments) {
  const auto source = Open({.sets = {{"a", MakeShard("rows", 200, 10), 0, 1}}, .seed = 1});
  PackedBatch batch;
  const std::int64_t rows = source->RowsPerPass(64);
  ASSERT_TRUE(source->Next(rows, 64, batch));
  std::int64_t padding = 0;
  for (std::size_t r = 0; r < static_cast<std::size_t>(rows); ++r) {
    EXPECT_EQ(batch.tokens[r * 65], kBos);  // Documents are shorter than a row here.
    for (std::size_t i = 0; i < 64; ++i) {
      padding += batch.tokens[r * 65 + i] == kPad;
      if (batch.loss_mask[r * 64 + i] == 0) continue;
      EXPECT_NE(batch.tokens[r * 65 + i + 1], kBos);
      if (i + 1 < 64) {
        EXPECT_EQ(batch.segment[r * 64 + i], batch.segment[r * 64 + i + 1]);
      }
    }
  }
  EXPECT_LT(static_cast<double>(padding), 0.05 * static_cast<double>(rows * 64));
}

TEST(ShardSource, CutsLongDocumentsWithoutLosingATarget) {
  TokenShardBuilder builder(std::vector<std::uint8_t>(2000, 1), kPad, false);
  std::vector<std::int32_t> ids;
  for (std::int32_t i = 0; i < 1000; ++i) ids.push_back(10 + i);
  builder.Add(ids, {});
  const auto path = std::filesystem::path(testing::TempDir()) / "long.tokens";
  ASSERT_TRUE(builder.Write(path));
  const auto source = Open({.sets = {{"a", path, 0, 1}}, .seed = 3});
  PackedBatch batch;
  const std::int64_t rows = source->RowsPerPass(100);
  ASSERT_TRUE(source->Next(rows, 100, batch));
  std::map<std::int32_t, int> targets;
  for (std::size_t r = 0; r < static_cast<std::size_t>(rows); ++r) {
    for (std::size_t i = 0; i < 100; ++i) {
      if (batch.loss_mask[r * 100 + i] == 0) continue;
      EXPECT_EQ(batch.tokens[r * 101 + i] + 1, batch.tokens[r * 101 + i + 1]);
      ++targets[batch.tokens[r * 101 + i + 1]];
    }
  }
  EXPECT_EQ(targets.size(), 999u);
  for (const auto& [token, count] : targets) EXPECT_EQ(count, 1) << token;
  EXPECT_EQ(batch.target_text_bytes, 999);
}

TEST(ShardSource, TargetsFollowTheMask) {
  const auto path = MakeShard("chats", 30, 10, true);
  const auto source = Open({.sets = {{"a", path, 0, 1}}, .seed = 3});
  PackedBatch batch;
  ASSERT_TRUE(source->Next(source->RowsPerPass(64), 64, batch));
  std::int64_t targets = 0;
  for (const std::uint8_t mask : batch.loss_mask) targets += mask;
  const auto shard = TokenShard::Open(path);
  std::int64_t expected = 0;
  for (std::int64_t d = 0; d < shard->document_count(); ++d) {
    for (std::int64_t i = shard->DocumentBegin(d) + 1; i < shard->DocumentEnd(d); ++i) {
      expected += shard->IsTarget(i);
    }
  }
  EXPECT_EQ(targets, expected);
  EXPECT_EQ(batch.target_text_bytes, 3 * expected);
}

TEST(ShardSource, WeightsShareTheMix) {
  DataOptions options{.sets = {{"a", MakeShard("heavy", 300, 10), 3, 0},
                               {"b", MakeShard("light", 600, 1000), 1, 0}},
                      .seed = 5};
  const auto source = Open(options);
  PackedBatch batch;
  ASSERT_TRUE(source->Next(source->RowsPerPass(128), 128, batch));
  double heavy = 0;
  double light = 0;
  for (const std::int32_t token : batch.tokens) {
    heavy += token >= 10 && token < 1000;
    light += token >= 1000;
  }
  EXPECT_NEAR(heavy / light, 3, 0.3);
}

TEST(ShardSource, GoesOnFromACursorExactly) {
  const DataOptions options{.sets = {{"a", MakeShard("resume", 100, 10), 0, 1.5},
                                     {"b", MakeShard("resume2", 50, 300), 0, 0.4}},
                            .seed = 9};
  const auto whole = Open(options);
  PackedBatch expected;
  for (int step = 0; step < 40; ++step) {
    const std::int64_t seq_len = step < 25 ? 48 : 96;  // Crosses passes and a change of length.
    const std::string cursor = whole->SaveCursor();
    const auto resumed = Open(options);
    ASSERT_TRUE(resumed->RestoreCursor(cursor)) << cursor;
    PackedBatch batch;
    ASSERT_TRUE(whole->Next(7, seq_len, expected));
    ASSERT_TRUE(resumed->Next(7, seq_len, batch));
    ASSERT_EQ(batch.tokens, expected.tokens) << step;
    ASSERT_EQ(batch.loss_mask, expected.loss_mask) << step;
    ASSERT_EQ(batch.segment, expected.segment) << step;
    EXPECT_EQ(resumed->SaveCursor(), whole->SaveCursor());
  }
  EXPECT_GE(whole->pass(), 2);
}

TEST(ShardSource, PassesAndSeedsDiffer) {
  const auto path = MakeShard("shuffle", 100, 10);
  const auto first = Open({.sets = {{"a", path, 0, 1}}, .seed = 1});
  const auto second = Open({.sets = {{"a", path, 0, 1}}, .seed = 2});
  PackedBatch a;
  PackedBatch b;
  PackedBatch c;
  const std::int64_t rows = first->RowsPerPass(64);
  ASSERT_TRUE(first->Next(rows, 64, a));
  ASSERT_TRUE(first->Next(rows, 64, b));
  ASSERT_TRUE(second->Next(rows, 64, c));
  EXPECT_NE(a.tokens, b.tokens);
  EXPECT_NE(a.tokens, c.tokens);
}

TEST(ShardSource, RefusesForeignCursors) {
  const auto path = MakeShard("cursor", 10, 10);
  const auto source = Open({.sets = {{"a", path, 0, 1}}, .seed = 1});
  const auto other = Open({.sets = {{"a", path, 0, 2}}, .seed = 1});
  PackedBatch batch;
  ASSERT_TRUE(other->Next(1, 16, batch));
  for (const std::string& cursor :
       {std::string(), std::string("shards1"), std::string("shards1 1 2 3 4 5"),
        std::string("shards1 1 -2 3 4"), std::string("nonsense"), other->SaveCursor(),
        source->SaveCursor() + " ", source->SaveCursor() + "9999999999999999999999"}) {
    EXPECT_FALSE(source->RestoreCursor(cursor)) << cursor;
  }
  EXPECT_TRUE(source->RestoreCursor(source->SaveCursor()));
}

TEST(ShardSource, NamesWhatIsWrongWithTheOptions) {
  const auto path = MakeShard("options", 10, 10);
  EXPECT_FALSE(ShardSource::Open({}));
  EXPECT_FALSE(ShardSource::Open({.sets = {{"a", path, 0, 0}}, .seed = 1}));
  EXPECT_FALSE(ShardSource::Open({.sets = {{"a", path, 1, 1}}, .seed = 1}));
  EXPECT_FALSE(ShardSource::Open({.sets = {{"a", path, 0, 1e9}}, .seed = 1}));
  const auto missing = ShardSource::Open({.sets = {{"a", "/nonexistent.tokens", 0, 1}}, .seed = 1});
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace holdfast::trainer
