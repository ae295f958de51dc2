#include "journal/reader.h"

#include <gtest/gtest.h>

#include "crypto/test_folder.h"
#include "journal/testing/rows.h"

namespace holdfast::journal {
namespace {

constexpr RingOptions kSmall{
    .bytes_max = 4 * kSegmentBytesMin, .segment_bytes = kSegmentBytesMin, .instance = 7};

class ReaderTest : public testing::Test {
 protected:
  ReaderTest() {
    auto ring = SegmentRing::Open(path_, kSmall);
    EXPECT_TRUE(ring);
    ring_ = std::move(*ring);
  }

  void Write(int blocks) {
    for (int i = 0; i < blocks; ++i) {
      std::vector<EncodedRow> block;
      for (int j = 0; j < 10; ++j) block.push_back(Encode(Numbered(next_++)));
      ASSERT_TRUE(ring_->Append(block, {}));
    }
  }
  std::vector<Row> Read(std::size_t rows_max = 1 << 20) {
    std::vector<Row> rows;
    const auto count = reader_.Read(rows, rows_max);
    EXPECT_TRUE(count) << count.error().message;
    EXPECT_EQ(count.value_or(0), rows.size());
    return rows;
  }
  // Each following the one before.
  void ExpectNumbers(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
      const auto* const first = std::get_if<FirstToken>(&row.what);
      ASSERT_NE(first, nullptr);
      ASSERT_EQ(first->id, read_ + 1);
      read_ = first->id;
    }
  }

  crypto::TestFolder folder_;
  std::filesystem::path path_ = folder_.path() / "journal";
  std::unique_ptr<SegmentRing> ring_;
  Reader reader_{path_};
  std::uint64_t next_ = 1;
  std::uint64_t read_ = 0;
};

TEST_F(ReaderTest, FollowsAWriterFromSegmentToSegment) {
  EXPECT_TRUE(Read().empty());
  for (int round = 0; round < 200; ++round) {
    Write(1 + round % 5);
    ExpectNumbers(Read());
    ASSERT_EQ(read_, next_ - 1);
  }
  EXPECT_GT(ListSegments(path_)->rbegin()->first, 5U);
  EXPECT_EQ(reader_.instance(), 7U);
}

TEST_F(ReaderTest, ReadsAboutAsManyAsItWasAskedFor) {
  Write(20);
  for (int i = 0; i < 10; ++i) {
    const auto rows = Read(15);
    EXPECT_EQ(rows.size(), 20U) << "whole blocks";
    ExpectNumbers(rows);
  }
  EXPECT_TRUE(Read().empty());
}

TEST_F(ReaderTest, WhoFallsBehindTheRingIsToldOfTheGap) {
  Write(1);
  ExpectNumbers(Read());
  Write(1000);
  // The segment that it has open is still there for it.
  const auto rows = Read();
  const auto gap = std::ranges::find_if(
      rows, [](const Row& row) { return std::holds_alternative<Gap>(row.what); });
  ASSERT_NE(gap, rows.end());
  ExpectNumbers({rows.begin(), gap});
  EXPECT_EQ(std::get<Gap>(gap->what).cause, GapCause::kOverrun);
  EXPECT_EQ(std::get<Gap>(gap->what).from, Numbered(read_).time);
  read_ = std::get<FirstToken>(std::next(gap)->what).id - 1;
  EXPECT_EQ(std::get<Gap>(gap->what).to, Numbered(read_ + 1).time);
  ExpectNumbers({std::next(gap), rows.end()});
  EXPECT_EQ(read_, next_ - 1);
}

TEST_F(ReaderTest, DamageBetweenSoundBlocksIsAGap) {
  Write(3);
  const std::filesystem::path path = ListSegments(path_)->begin()->second;
  std::string bytes = crypto::ReadFile(path);
  bytes[kSegmentHeadBytes + BlockBytes(10) + 50] ^= 1;
  crypto::WriteFile(path, bytes);
  const auto rows = Read();
  ASSERT_EQ(rows.size(), 21U);
  const Gap* const gap = std::get_if<Gap>(&rows[10].what);
  ASSERT_NE(gap, nullptr);
  EXPECT_EQ(gap->cause, GapCause::kDamaged);
  EXPECT_EQ(gap->from, Numbered(10).time);
  EXPECT_EQ(gap->to, Numbered(21).time);
}

TEST_F(ReaderTest, ABlockThatIsOnItsWayIsReadWhenItIsWhole) {
  Write(2);
  ExpectNumbers(Read());
  const std::filesystem::path path = ListSegments(path_)->begin()->second;
  const std::string before = crypto::ReadFile(path);
  Write(1);
  const std::string after = crypto::ReadFile(path);
  for (std::size_t size = before.size(); size < after.size(); size += 7) {
    crypto::WriteFile(path, std::string_view(after).substr(0, size));
    ASSERT_TRUE(Read().empty());
  }
  crypto::WriteFile(path, after);
  ExpectNumbers(Read());
  EXPECT_EQ(read_, 30U);
}

TEST_F(ReaderTest, WhatIsLongerThanItsBufferAndDamagedIsSkipped) {
  Write(1);
  const SegmentHead head{.segment = 1, .first_block = 1, .instance = 9};
  std::string bytes = EncodeHead(head);
  bytes.append(3 << 20, '\x42');
  const EncodedRow row = Encode(Numbered(500));
  bytes += EncodeBlock(1, 9, std::span(&row, 1));
  crypto::WriteFile(path_ / SegmentName(1), bytes);
  const auto rows = Read();
  ASSERT_EQ(rows.size(), 12U);
  EXPECT_TRUE(std::holds_alternative<Gap>(rows[10].what));
  EXPECT_EQ(std::get<FirstToken>(rows[11].what).id, 500U);
  EXPECT_EQ(reader_.instance(), 9U);
}

TEST(Reader, WithoutAFolderThereIsAnError) {
  const crypto::TestFolder folder;
  Reader reader(folder.path() / "none");
  std::vector<Row> rows;
  const auto read = reader.Read(rows);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace holdfast::journal
