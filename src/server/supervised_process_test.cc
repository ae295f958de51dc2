#include "server/supervised_process.h"

#include <gtest/gtest.h>

namespace holdfast::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(SupervisedProcess, TriesAgainWhenItCannotBeStarted) {
  int starts = 0;
  SupervisedProcess process(
      "engine",
      [&]() -> Result<ChildProcess> {
        ++starts;
        return Fail(ErrorCode::kResourceExhausted, "fork: no memory");
      },
      RestartPolicy(milliseconds(100), milliseconds(400)));
  const SupervisedProcess::TimePoint start{};
  ASSERT_TRUE(process.Advance(start)) << "a fork that fails ends the supervisor";
  EXPECT_EQ(starts, 1);
  ASSERT_EQ(process.start_at(), start + milliseconds(100));
  ASSERT_TRUE(process.Advance(start + milliseconds(99)));
  EXPECT_EQ(starts, 1);
  ASSERT_TRUE(process.Advance(start + milliseconds(100)));
  EXPECT_EQ(starts, 2);
  EXPECT_EQ(process.start_at(), start + milliseconds(300)) << "the wait doubles";
}

TEST(SupervisedProcess, StartsWhatDiedAgainAndEndsWhatRuns) {
  int starts = 0;
  SupervisedProcess process(
      "gateway",
      [&] {
        ++starts;
        // Of this test program: lists its tests and ends.
        return ChildProcess::Start({"--gtest_list_tests", "--gtest_filter=None.*"}, {});
      },
      RestartPolicy(milliseconds(0), milliseconds(0)));
  const SupervisedProcess::TimePoint start{};
  ASSERT_TRUE(process.Advance(start));
  EXPECT_EQ(process.start_at(), std::nullopt);
  while (starts < 3) ASSERT_TRUE(process.Advance(start + seconds(starts)));
  process.AskToEnd();
  while (!process.HasEnded()) {
  }
}

}  // namespace
}  // namespace holdfast::server
