#include "audit/log.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/random.h"
#include "base/test_rounds.h"
#include "crypto/test_folder.h"

namespace holdfast::audit {
namespace {

using crypto::ReadFile;
using crypto::WriteFile;

Event Numbered(int number) {
  return {.kind = EventKind::kKeyCreated,
          .actor = "a-1",
          .subject = "k-" + std::to_string(number),
          .fields = {{"models", "2"}}};
}

class LogTest : public testing::Test {
 protected:
  std::unique_ptr<Log> Open() {
    Result<std::unique_ptr<Log>> log = Log::Open(path_, {.now_ms = [this] { return ++now_ms_; }});
    if (!log) ADD_FAILURE() << log.error().message;
    return log ? std::move(*log) : nullptr;
  }
  void Fill(int count) {
    const auto log = Open();
    for (int i = 1; i <= count; ++i) ASSERT_TRUE(log->Append(Numbered(i)));
  }
  std::vector<std::string> Lines() {
    std::vector<std::string> lines;
    std::istringstream stream(ReadFile(path_));
    for (std::string line; std::getline(stream, line);) lines.push_back(line + "\n");
    return lines;
  }
  void Write(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += line;
    WriteFile(path_, text);
  }
  // The number of the line that Verify names; 0 when it names none.
  int BrokenLine() {
    const Result<Summary> summary = Verify(path_);
    if (summary) return 0;
    EXPECT_EQ(summary.error().code, ErrorCode::kCorrupt);
    const std::string& message = summary.error().message;
    const std::size_t at = message.find("line ");
    return at == std::string::npos ? -1 : std::atoi(message.c_str() + at + 5);
  }

  crypto::TestFolder folder_;
  std::filesystem::path path_ = folder_.path() / "audit.log";
  std::int64_t now_ms_ = 1000;
};

TEST_F(LogTest, GoesOnWhereItStoodAfterAReopening) {
  Fill(3);
  auto log = Open();
  EXPECT_EQ(log->record_count(), 3u);
  EXPECT_EQ(log->cut_bytes(), 0u);
  ASSERT_TRUE(log->Append(Numbered(4)));
  const Result<Summary> summary = Verify(path_);
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_EQ(summary->record_count, 4u);
  EXPECT_EQ(summary->first_ms, 1001);
  EXPECT_EQ(summary->last_ms, 1004);
  EXPECT_NE(Lines().back().find(summary->last_hash), std::string::npos);
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
}

TEST_F(LogTest, AnEmptyOneIsSoundAndOneThatIsNotThereIsNot) {
  EXPECT_EQ(Verify(path_).error().code, ErrorCode::kNotFound);
  Open().reset();
  const Result<Summary> summary = Verify(path_);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->record_count, 0u);
  EXPECT_EQ(summary->last_hash, std::string(64, '0'));
}

TEST_F(LogTest, WhatIsNoEventIsNotAppended) {
  const auto log = Open();
  Event event = Numbered(1);
  event.subject = "two words";
  EXPECT_EQ(log->Append(event).error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(log->Append(Numbered(1)));
  EXPECT_EQ(log->record_count(), 1u);
}

TEST_F(LogTest, IsOpenOnce) {
  const auto log = Open();
  const auto second = Log::Open(path_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kFailedPrecondition);
}

TEST_F(LogTest, ALineTornByACrashIsCutOffAtEveryByte) {
  Fill(2);
  const std::vector<std::string> lines = Lines();
  for (std::size_t length = 1; length < lines[1].size(); ++length) {
    WriteFile(path_, lines[0] + lines[1].substr(0, length));
    EXPECT_EQ(Verify(path_)->torn_bytes, length);
    auto log = Open();
    ASSERT_EQ(log->cut_bytes(), length);
    ASSERT_EQ(log->record_count(), 1u);
    ASSERT_EQ(ReadFile(path_), lines[0]);
    if (length % 50 != 0) continue;
    ASSERT_TRUE(log->Append(Numbered(2)));
    EXPECT_EQ(Verify(path_)->record_count, 2u);
  }
}

TEST_F(LogTest, DamageAnywhereIsFoundAndItsLineIsNamed) {
  Fill(4);
  const std::string whole = ReadFile(path_);
  int line = 1;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    WriteFile(path_, damaged);
    if (at + 1 == whole.size()) {
      EXPECT_GT(Verify(path_)->torn_bytes, 0u);  // The last line has lost its end.
    } else {
      ASSERT_EQ(BrokenLine(), line) << at;
      EXPECT_EQ(Log::Open(path_).error().code, ErrorCode::kCorrupt);
      ASSERT_EQ(ReadFile(path_), damaged) << "nothing is mended by an Open that fails";
    }
    if (whole[at] == '\n') ++line;
  }
}

TEST_F(LogTest, LinesLeftOutMovedPutInOrRepeatedAreFound) {
  Fill(5);
  const std::vector<std::string> lines = Lines();
  Chain chain;
  const std::string forged = chain.Add(Numbered(99), 1001);
  const struct {
    std::vector<std::string> lines;
    int broken;
  } cases[] = {
      {{lines[0], lines[1], lines[2], lines[3], lines[4]}, 0},
      {{lines[1], lines[2], lines[3], lines[4]}, 1},
      {{lines[0], lines[2], lines[3], lines[4]}, 2},
      {{lines[0], lines[2], lines[1], lines[3], lines[4]}, 2},
      {{lines[0], lines[1], lines[1], lines[2], lines[3], lines[4]}, 3},
      {{lines[0], lines[1], "\n", lines[2]}, 3},
      {{forged, lines[1], lines[2]}, 2},
  };
  for (const auto& c : cases) {
    Write(c.lines);
    EXPECT_EQ(BrokenLine(), c.broken);
    EXPECT_EQ(Log::Open(path_).has_value(), c.broken == 0);
  }
}

TEST_F(LogTest, AnEndlessLineIsRefusedAndNotReadIntoMemory) {
  WriteFile(path_, std::string(3 << 20, 'x'));
  EXPECT_EQ(BrokenLine(), 1);
  EXPECT_EQ(Log::Open(path_).error().code, ErrorCode::kCorrupt);
}

TEST_F(LogTest, OfALongOneOpenVerifiesTheEndAndVerifyAll) {
  std::string text;
  Chain chain;
  int count = 0;
  while (text.size() < 2 * kVerifiedAtOpenBytes + 1000) text += chain.Add(Numbered(++count), 1);
  WriteFile(path_, text);
  EXPECT_EQ(Open()->record_count(), static_cast<std::uint64_t>(count));
  EXPECT_EQ(Verify(path_)->record_count, static_cast<std::uint64_t>(count));
  std::string damaged = text;
  damaged[damaged.find("k-7\"") + 2] = '8';
  WriteFile(path_, damaged);
  EXPECT_TRUE(Log::Open(path_));
  EXPECT_EQ(BrokenLine(), 7);
  damaged = text;
  damaged[text.size() - kVerifiedAtOpenBytes + kLineBytesMax] ^= 1;
  WriteFile(path_, damaged);
  EXPECT_EQ(Log::Open(path_).error().code, ErrorCode::kCorrupt);
}

TEST_F(LogTest, AFileThatIsLostOrCutFailsTheAppendAndSoTheAct) {
  const auto log = Open();
  ASSERT_TRUE(log->Append(Numbered(1)));
  const std::filesystem::path elsewhere = folder_.path() / "elsewhere";
  std::filesystem::rename(path_, elsewhere);
  EXPECT_EQ(log->Append(Numbered(2)).error().code, ErrorCode::kNotFound);
  WriteFile(path_, "");
  EXPECT_EQ(log->Append(Numbered(2)).error().code, ErrorCode::kNotFound);
  std::filesystem::rename(elsewhere, path_);
  ASSERT_TRUE(log->Append(Numbered(2)));
  std::filesystem::resize_file(path_, 10);
  EXPECT_EQ(log->Append(Numbered(3)).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(log->record_count(), 2u);
}

// A file-size limit stands for the full disk.
TEST_F(LogTest, OnAFullDiskAppendFailsAndTheLogStaysWholeAndOfUse) {
  auto log = Open();
  for (int i = 1; i <= 3; ++i) ASSERT_TRUE(log->Append(Numbered(i)));
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = std::filesystem::file_size(path_) + 100;  // Not a whole line.
    ::setrlimit(RLIMIT_FSIZE, &limit);
    for (int i = 0; i < 3; ++i) {
      const Result<void> appended = log->Append(Numbered(4));
      if (appended || (appended.error().code != ErrorCode::kIo &&
                       appended.error().code != ErrorCode::kDiskFull)) {
        ::_exit(1);
      }
    }
    const Result<Summary> summary = Verify(path_);
    if (!summary || summary->record_count != 3 || summary->torn_bytes != 0) ::_exit(2);
    limit.rlim_cur = limit.rlim_max;  // There is room again.
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::_exit(log->Append(Numbered(5)) ? 0 : 3);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  const Result<Summary> summary = Verify(path_);
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_EQ(summary->record_count, 4u);
}

TEST_F(LogTest, ManyThreadsShareSyncsAndEachRecordIsThereOnce) {
  constexpr int kThreads = 16, kEach = 25;
  std::atomic<int> failures = 0;
  const auto log = Open();
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        if (!log->Append(Numbered(t * kEach + i))) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(log->record_count(), static_cast<std::uint64_t>(kThreads * kEach));
  EXPECT_LT(log->sync_count(), log->record_count());
  EXPECT_EQ(Verify(path_)->record_count, static_cast<std::uint64_t>(kThreads * kEach));
  std::set<std::string> subjects;
  for (const std::string& line : Lines()) {
    subjects.insert(ParseLine(std::string_view(line).substr(0, line.size() - 1))->event.subject);
  }
  EXPECT_EQ(subjects.size(), static_cast<std::size_t>(kThreads * kEach));
}

// With several threads on a disk that is full now and then, exactly what was acknowledged is there.
TEST_F(LogTest, WhenAGatheringFailsAllInItFailAndNoneIsThere) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = 20'000;
    ::setrlimit(RLIMIT_FSIZE, &limit);
    std::atomic<std::uint64_t> appended = 0;
    {
      const auto log = Open();
      std::vector<std::thread> threads;
      for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&, t] {
          for (int i = 0; i < 20; ++i) appended += log->Append(Numbered(t * 20 + i)) ? 1 : 0;
        });
      }
      for (std::thread& thread : threads) thread.join();
    }
    const Result<Summary> summary = Verify(path_);
    const bool is_exact = summary && summary->record_count == appended &&
                          summary->torn_bytes == 0 && appended > 0 && appended < 160;
    ::_exit(is_exact ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

// A child appends from several threads and tells what was acknowledged, until it is killed.
[[noreturn]] void Work(const std::filesystem::path& path, int first, int pipe) {
  const auto log = Log::Open(path);
  if (!log) ::_exit(3);
  std::atomic<int> next = first;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (;;) {
        const int number = next++;
        if (!(*log)->Append(Numbered(number))) ::_exit(4);
        if (::write(pipe, &number, sizeof number) != sizeof number) ::_exit(5);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ::_exit(6);
}

TEST_F(LogTest, NothingAcknowledgedIsLostWhenTheProcessIsKilledAtAnyMoment) {
  for (int seed = 0; seed < TestRounds(8); ++seed) {
    SCOPED_TRACE(seed);
    std::filesystem::remove(path_);
    Random random(static_cast<std::uint64_t>(seed) + 1);
    std::set<std::string> acknowledged;
    for (int life = 0; life < 3; ++life) {
      int ends[2];
      ASSERT_EQ(::pipe(ends), 0);
      const pid_t child = ::fork();
      ASSERT_GE(child, 0);
      if (child == 0) Work(path_, life * 1'000'000, ends[1]);
      ::close(ends[1]);
      int number = 0;
      const auto take = [&] {
        if (::read(ends[0], &number, sizeof number) != sizeof number) return false;
        acknowledged.insert(Numbered(number).subject);
        return true;
      };
      for (std::uint64_t left = random.Next() % 60; left > 0 && take(); --left) {
      }
      const auto until =
          std::chrono::steady_clock::now() + std::chrono::microseconds(random.Next() % 2000);
      while (std::chrono::steady_clock::now() < until) {
      }
      ASSERT_EQ(::kill(child, SIGKILL), 0);
      int status = 0;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      EXPECT_TRUE(WIFSIGNALED(status)) << "the child gave up with " << WEXITSTATUS(status);
      while (take()) {
      }
      ::close(ends[0]);
      ASSERT_NE(Open(), nullptr);
      const Result<Summary> summary = Verify(path_);
      ASSERT_TRUE(summary) << summary.error().message;
      EXPECT_EQ(summary->torn_bytes, 0u);
      std::set<std::string> there;
      for (const std::string& line : Lines()) {
        there.insert(ParseLine(std::string_view(line).substr(0, line.size() - 1))->event.subject);
      }
      EXPECT_TRUE(std::ranges::includes(there, acknowledged));
    }
  }
}

}  // namespace
}  // namespace holdfast::audit
