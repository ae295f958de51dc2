#include "journal/segment_ring.h"

#include <algorithm>
#include <csignal>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "crypto/test_folder.h"
#include "journal/check.h"
#include "journal/reader.h"
#include "journal/testing/rows.h"

namespace holdfast::journal {
namespace {

constexpr RingOptions kSmall{
    .bytes_max = 4 * kSegmentBytesMin, .segment_bytes = kSegmentBytesMin, .instance = 7};

class SegmentRingTest : public testing::Test {
 protected:
  std::unique_ptr<SegmentRing> Open(const RingOptions& options = kSmall) {
    auto ring = SegmentRing::Open(path_, options);
    EXPECT_TRUE(ring) << ring.error().message;
    return ring ? std::move(*ring) : nullptr;
  }

  // Blocks of `rows` rows each.
  void Fill(SegmentRing& ring, int blocks, int rows = 10) {
    for (int i = 0; i < blocks; ++i) {
      std::vector<EncodedRow> block;
      for (int j = 0; j < rows; ++j) block.push_back(Encode(Numbered(next_++)));
      ASSERT_TRUE(ring.Append(block, {}));
    }
  }

  std::vector<Row> ReadAll() {
    std::vector<Row> rows;
    Reader reader(path_);
    const auto count = reader.Read(rows, 1 << 20);
    EXPECT_TRUE(count) << count.error().message;
    return rows;
  }

  std::filesystem::path Newest() { return ListSegments(path_)->rbegin()->second; }

  static std::uint64_t NumberOf(const Row& row) { return std::get<FirstToken>(row.what).id; }

  crypto::TestFolder folder_;
  std::filesystem::path path_ = folder_.path() / "journal";
  std::uint64_t next_ = 1;
};

TEST_F(SegmentRingTest, WhatIsAppendedIsReadInOrder) {
  const auto ring = Open();
  EXPECT_FALSE(ring->last_row());
  Fill(*ring, 30);
  ASSERT_TRUE(ring->Sync());
  const std::vector<Row> rows = ReadAll();
  ASSERT_EQ(rows.size(), 300U);
  for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(NumberOf(rows[i]), i + 1);
  const auto report = CheckFolder(path_);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->fault, std::nullopt);
  EXPECT_EQ(report->blocks, 30U);
  EXPECT_EQ(report->rows, 300U);
  EXPECT_EQ(report->bytes, ring->bytes());
}

TEST_F(SegmentRingTest, TheOldestGoWhenThereIsNoMoreRoom) {
  const auto ring = Open();
  Fill(*ring, 1000);
  EXPECT_LE(ring->bytes(), kSmall.bytes_max);
  std::uint64_t on_disk = 0;
  const SegmentFiles files = *ListSegments(path_);
  for (const auto& [segment, file] : files) {
    EXPECT_LE(std::filesystem::file_size(file), kSmall.segment_bytes);
    on_disk += std::filesystem::file_size(file);
  }
  EXPECT_EQ(on_disk, ring->bytes());
  const std::vector<Row> rows = ReadAll();
  EXPECT_GT(rows.size(), 1500U) << "most of the room is used";
  EXPECT_EQ(NumberOf(rows.back()), 10'000U);
  EXPECT_EQ(NumberOf(rows.front()), 10'001 - rows.size()) << "what is left is the end, whole";
  EXPECT_EQ(CheckFolder(path_)->fault, std::nullopt);
}

TEST_F(SegmentRingTest, ARestartGoesOnInASegmentOfItsOwn) {
  Fill(*Open(), 3);
  const auto ring =
      Open({.bytes_max = kSmall.bytes_max, .segment_bytes = kSmall.segment_bytes, .instance = 8});
  EXPECT_EQ(ring->last_row(), AtMicros(30'000));
  EXPECT_EQ(ring->cut_bytes(), 0U);
  Fill(*ring, 3);
  EXPECT_EQ(ListSegments(path_)->size(), 2U);
  EXPECT_EQ(ReadAll().size(), 60U);
  EXPECT_EQ(CheckFolder(path_)->fault, std::nullopt);
}

TEST_F(SegmentRingTest, ManyRestartsLeaveABoundedNumberOfFiles) {
  Fill(*Open(), 1);
  // As if it had begun so often already.
  for (std::uint64_t segment = 1; segment < kSegmentsMax; ++segment) {
    const SegmentHead head{.segment = segment, .first_block = 1, .instance = 7};
    crypto::WriteFile(path_ / SegmentName(segment), EncodeHead(head));
  }
  RingOptions large = kSmall;
  large.bytes_max *= 16;
  Fill(*Open(large), 1);
  EXPECT_EQ(ListSegments(path_)->size(), kSegmentsMax);
  EXPECT_EQ(ListSegments(path_)->begin()->first, 1U);
}

TEST_F(SegmentRingTest, OneProcessAtATimeWrites) {
  const auto ring = Open();
  const auto second = SegmentRing::Open(path_, kSmall);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kFailedPrecondition);
}

// Wherever the last block was cut off, the blocks before it stay.
TEST_F(SegmentRingTest, ATornTailIsCutOff) {
  Fill(*Open(), 3);
  const std::string whole = crypto::ReadFile(Newest());
  const std::filesystem::path newest = Newest();
  for (std::size_t size = kSegmentHeadBytes; size < whole.size(); size += 37) {
    for (const bool has_more : {false, true}) {
      std::string torn = whole.substr(0, size);
      if (has_more) torn.resize(whole.size() + 100, '\x01');
      crypto::WriteFile(newest, torn);
      const auto ring = Open();
      const std::size_t kept = (size - kSegmentHeadBytes) / BlockBytes(10);
      const std::size_t sound = kSegmentHeadBytes + kept * BlockBytes(10);
      EXPECT_EQ(ring->cut_bytes(), torn.size() - sound);
      EXPECT_EQ(std::filesystem::file_size(newest), sound);
      EXPECT_EQ(ReadAll().size(), kept * 10);
    }
  }
}

// A flip of any bit is seen, and costs one block or one segment.
TEST_F(SegmentRingTest, EveryFlippedBitIsSeen) {
  Fill(*Open(), 3, 2);
  const std::string whole = crypto::ReadFile(Newest());
  const std::filesystem::path newest = Newest();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
    crypto::WriteFile(newest, damaged);
    const auto report = CheckFolder(path_);
    ASSERT_TRUE(report) << report.error().message;
    ASSERT_TRUE(report->fault) << "byte " << at;
    EXPECT_NE(report->fault->find(SegmentName(0)), std::string::npos) << *report->fault;
    const bool is_of_head = at < kSegmentHeadBytes;
    EXPECT_EQ(report->blocks, is_of_head ? 0U : 2U) << "byte " << at;
    if (is_of_head) continue;
    const std::uint64_t block = (at - kSegmentHeadBytes) / BlockBytes(2);
    EXPECT_NE(report->fault->find(fmt::format("block {} ", block)), std::string::npos)
        << *report->fault;
  }
}

TEST_F(SegmentRingTest, AMissingSegmentIsSeen) {
  Fill(*Open(), 200);
  const SegmentFiles files = *ListSegments(path_);
  ASSERT_GE(files.size(), 3U);
  std::filesystem::remove(std::next(files.begin())->second);
  const auto report = CheckFolder(path_);
  ASSERT_TRUE(report && report->fault);
  EXPECT_NE(report->fault->find(SegmentName(2)), std::string::npos) << *report->fault;
}

// The real error of a disk that takes no more: a limit on the size of files.
TEST_F(SegmentRingTest, ABlockThatDidNotFitIsCutOffAndTheNextOneIsWritten) {
  ASSERT_NE(::signal(SIGXFSZ, SIG_IGN), SIG_ERR);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto ring = Open();
  Fill(*ring, 2);
  const std::uint64_t size = std::filesystem::file_size(Newest());
  const rlimit tight{.rlim_cur = size + 100, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  const std::vector<EncodedRow> block(10, Encode(Numbered(1)));
  const auto failed = ring->Append(block, {});
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_FALSE(failed);
  EXPECT_EQ(std::filesystem::file_size(Newest()), size);
  Fill(*ring, 1);
  EXPECT_EQ(ReadAll().size(), 30U);
  EXPECT_EQ(CheckFolder(path_)->fault, std::nullopt);
}

}  // namespace
}  // namespace holdfast::journal
