#include "journal/writer.h"

#include <csignal>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/random.h"
#include "base/test_rounds.h"
#include "crypto/test_folder.h"
#include "journal/check.h"
#include "journal/reader.h"
#include "journal/testing/rows.h"

namespace holdfast::journal {
namespace {

constexpr std::chrono::seconds kPatience{60};

WriterOptions Options(std::uint64_t instance = 7) {
  WriterOptions options;
  options.ring = {
      .bytes_max = 64 * kSegmentBytesMin, .segment_bytes = kSegmentBytesMin, .instance = instance};
  options.clock = [] { return Moment{AtMicros(5'000'000'000), 1}; };
  return options;
}

std::vector<Row> ReadAll(const std::filesystem::path& path) {
  std::vector<Row> rows;
  Reader reader(path);
  const auto count = reader.Read(rows, 1 << 24);
  EXPECT_TRUE(count) << count.error().message;
  return rows;
}

TEST(RowQueue, WhatFindsItFullIsCountedAndBecomesAGap) {
  RowQueue queue(4);
  for (std::uint64_t i = 1; i <= 9; ++i) queue.Push(Numbered(i));
  EXPECT_EQ(queue.dropped_count(), 5U);
  std::vector<EncodedRow> rows;
  queue.Take(rows);
  EXPECT_EQ(rows.size(), 4U);
  queue.Push(Numbered(10));
  queue.Push(Numbered(11));
  queue.Take(rows);
  ASSERT_EQ(rows.size(), 3U);
  const Row gap = *Decode(rows[0]);
  const Gap& what = std::get<Gap>(gap.what);
  EXPECT_EQ(what.cause, GapCause::kQueueFull);
  EXPECT_EQ(what.rows, 5U);
  EXPECT_EQ(what.from, Numbered(5).time);
  EXPECT_EQ(what.to, Numbered(9).time);
  EXPECT_EQ(std::get<FirstToken>(Decode(rows[1])->what).id, 10U);
}

TEST(RowQueue, AGapAndItsRowGoInTogetherOrNotAtAll) {
  RowQueue queue(2);
  for (std::uint64_t i = 1; i <= 3; ++i) queue.Push(Numbered(i));
  std::vector<EncodedRow> rows;
  queue.Take(rows);
  queue.Push(Numbered(4));
  queue.Push(Numbered(5));
  queue.Take(rows);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(std::get<Gap>(Decode(rows[0])->what).rows, 1U);
  EXPECT_EQ(std::get<FirstToken>(Decode(rows[1])->what).id, 4U);
  EXPECT_EQ(queue.dropped_count(), 2U);
}

TEST(Writer, WhatWasPushedIsWrittenWhenItGoes) {
  const crypto::TestFolder folder;
  const auto path = folder.path() / "journal";
  {
    const auto writer = Writer::Open(path, Options());
    ASSERT_TRUE(writer) << writer.error().message;
    for (std::uint64_t i = 1; i <= 5000; ++i) (*writer)->Push(Numbered(i));
    ASSERT_TRUE((*writer)->Flush(kPatience));
    EXPECT_EQ((*writer)->counters().written, 5000U);
    EXPECT_EQ((*writer)->counters().lost, 0U);
    EXPECT_EQ(ReadAll(path).size(), 5000U);
    (*writer)->Push(Numbered(5001));
  }
  EXPECT_EQ(ReadAll(path).size(), 5001U);
  EXPECT_EQ(CheckFolder(path)->fault, std::nullopt);
}

TEST(Writer, ARestartIsAGap) {
  const crypto::TestFolder folder;
  const auto path = folder.path() / "journal";
  (*Writer::Open(path, Options()))->Push(Numbered(1));
  (*Writer::Open(path, Options(8)))->Push(Numbered(2));
  const std::vector<Row> rows = ReadAll(path);
  ASSERT_EQ(rows.size(), 3U);
  const Gap& gap = std::get<Gap>(rows[1].what);
  EXPECT_EQ(gap.cause, GapCause::kRestart);
  EXPECT_EQ(gap.from, Numbered(1).time);
  EXPECT_EQ(gap.to, AtMicros(5'000'000'000));
}

TEST(Writer, ADiskThatTakesNothingIsAGapAndTheRestGoesOn) {
  const crypto::TestFolder folder;
  const auto path = folder.path() / "journal";
  ASSERT_NE(::signal(SIGXFSZ, SIG_IGN), SIG_ERR);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto writer = Writer::Open(path, Options());
  ASSERT_TRUE(writer);
  (*writer)->Push(Numbered(1));
  ASSERT_TRUE((*writer)->Flush(kPatience));
  const rlimit tight{.rlim_cur = 300, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  for (std::uint64_t i = 2; i <= 1001; ++i) (*writer)->Push(Numbered(i));
  const bool has_flushed = (*writer)->Flush(kPatience);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_TRUE(has_flushed);
  EXPECT_EQ((*writer)->counters().lost, 1000U);
  EXPECT_TRUE((*writer)->counters().is_failing);
  (*writer)->Push(Numbered(1002));
  ASSERT_TRUE((*writer)->Flush(kPatience));
  EXPECT_FALSE((*writer)->counters().is_failing);
  const std::vector<Row> rows = ReadAll(path);
  ASSERT_EQ(rows.size(), 3U);
  const Gap& gap = std::get<Gap>(rows[1].what);
  EXPECT_EQ(gap.cause, GapCause::kDisk);
  EXPECT_EQ(gap.rows, 1000U);
  EXPECT_EQ(gap.from, Numbered(2).time);
  EXPECT_EQ(gap.to, Numbered(1001).time);
  EXPECT_EQ(CheckFolder(path)->fault, std::nullopt);
}

// Pushes as fast as it can and says which rows it knows to be on the disk. Never returns.
[[noreturn]] void WriteUntilKilled(const std::filesystem::path& path, std::uint64_t life,
                                   std::uint64_t number, int pipe) {
  const auto writer = Writer::Open(path, Options(life));
  if (!writer) ::_exit(3);
  while (true) {
    for (int i = 0; i < 300; ++i) (*writer)->Push(Numbered(number++));
    if (!(*writer)->Flush(kPatience)) ::_exit(4);
    if (::write(pipe, &number, sizeof number) != sizeof number) ::_exit(2);
  }
}

// Whatever was flushed when it was killed is there afterwards, each row once, and in order.
TEST(Writer, AKilledProcessLosesNothingThatWasFlushed) {
  const crypto::TestFolder folder;
  const auto path = folder.path() / "journal";
  Random random(11);
  std::uint64_t number = 1;
  for (std::uint64_t life = 1; life <= static_cast<std::uint64_t>(TestRounds(8)); ++life) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) WriteUntilKilled(path, life, number, ends[1]);
    ::close(ends[1]);
    std::uint64_t flushed = number;
    const auto take = [&] { return ::read(ends[0], &flushed, sizeof flushed) == sizeof flushed; };
    for (std::uint64_t left = 1 + random.Next() % 8; left > 0 && take(); --left) {
    }
    const auto until =
        std::chrono::steady_clock::now() + std::chrono::microseconds(random.Next() % 3000);
    while (std::chrono::steady_clock::now() < until) {
    }
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status)) << "the child gave up with " << WEXITSTATUS(status);
    while (take()) {
    }
    ::close(ends[0]);

    // Opening mends it.
    ASSERT_TRUE(SegmentRing::Open(path, Options().ring));
    ASSERT_EQ(CheckFolder(path)->fault, std::nullopt);
    std::uint64_t last = 0;
    for (const Row& row : ReadAll(path)) {
      if (const auto* first = std::get_if<FirstToken>(&row.what)) {
        EXPECT_TRUE(last == 0 || first->id == last + 1) << first->id << " after " << last;
        last = first->id;
      } else {
        EXPECT_EQ(std::get<Gap>(row.what).cause, GapCause::kRestart);
      }
    }
    EXPECT_GE(last + 1, flushed);
    number = last + 1;
  }
}

}  // namespace
}  // namespace holdfast::journal
