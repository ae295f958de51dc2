#include "trainer/data/token_shard.h"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace holdfast::trainer {
namespace {

std::filesystem::path TempPath(const std::string& name) {
  return std::filesystem::path(testing::TempDir()) / name;
}

std::string ReadBytes(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

void WriteBytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// Ids 0..9 with as many bytes of text as the id says.
TokenShardBuilder SmallBuilder(bool has_mask) {
  TokenShardBuilder builder({0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 0, has_mask);
  const std::vector<std::int32_t> first = {1, 2, 3};
  const std::vector<std::int32_t> second = {9, 8, 7, 6, 5, 4, 3, 2, 1};
  const std::vector<std::uint8_t> first_mask = {0, 1, 1};
  const std::vector<std::uint8_t> second_mask = {0, 0, 0, 0, 1, 0, 0, 0, 1};
  builder.Add(first, has_mask ? std::span<const std::uint8_t>(first_mask)
                              : std::span<const std::uint8_t>());
  builder.Add(second, has_mask ? std::span<const std::uint8_t>(second_mask)
                               : std::span<const std::uint8_t>());
  return builder;
}

TEST(TokenShard, GivesBackWhatWasWritten) {
  const auto path = TempPath("plain.tokens");
  ASSERT_TRUE(SmallBuilder(false).Write(path));
  const auto shard = TokenShard::Open(path);
  ASSERT_TRUE(shard) << shard.error().message;
  EXPECT_EQ(shard->document_count(), 2);
  EXPECT_EQ(shard->token_count(), 12);
  EXPECT_EQ(shard->DocumentBegin(1), 3);
  EXPECT_EQ(shard->DocumentEnd(1), 12);
  EXPECT_EQ(shard->Token(3), 9);
  EXPECT_TRUE(shard->IsTarget(0));
  EXPECT_EQ(shard->target_text_bytes(), 6 + 45);
  EXPECT_EQ(shard->TokenTextBytes(7), 7);
}

TEST(TokenShard, KeepsTheMask) {
  const auto path = TempPath("masked.tokens");
  ASSERT_TRUE(SmallBuilder(true).Write(path));
  const auto shard = TokenShard::Open(path);
  ASSERT_TRUE(shard) << shard.error().message;
  const std::vector<bool> expected = {false, true, true,  false, false, false,
                                      false, true, false, false, false, true};
  for (std::int64_t i = 0; i < 12; ++i) {
    EXPECT_EQ(shard->IsTarget(i), expected[static_cast<std::size_t>(i)]) << i;
  }
  EXPECT_EQ(shard->target_text_bytes(), 2 + 3 + 5 + 1);
}

TEST(TokenShard, HoldsVocabulariesOver65536InWiderTokens) {
  TokenShardBuilder builder(std::vector<std::uint8_t>(100000, 1), 2, false);
  const std::vector<std::int32_t> ids = {99999, 0, 65536};
  builder.Add(ids, {});
  const auto path = TempPath("wide.tokens");
  ASSERT_TRUE(builder.Write(path));
  const auto shard = TokenShard::Open(path);
  ASSERT_TRUE(shard) << shard.error().message;
  EXPECT_EQ(shard->Token(0), 99999);
  EXPECT_EQ(shard->Token(2), 65536);
}

TEST(TokenShard, NoticesEveryFlippedByteAndEveryCut) {
  const auto path = TempPath("damaged.tokens");
  ASSERT_TRUE(SmallBuilder(true).Write(path));
  const std::string good = ReadBytes(path);
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x40);
    WriteBytes(path, bad);
    EXPECT_FALSE(TokenShard::Open(path)) << "byte " << i;
  }
  for (std::size_t length = 0; length < good.size(); length += 7) {
    WriteBytes(path, good.substr(0, length));
    EXPECT_FALSE(TokenShard::Open(path)) << "length " << length;
  }
}

TEST(TokenShard, LeavesNoFileWhenItCannotWrite) {
  const auto result = SmallBuilder(false).Write(TempPath("no-such-folder") / "x.tokens");
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("x.tokens"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::trainer
