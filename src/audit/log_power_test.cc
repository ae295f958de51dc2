// The power goes, or a sync fails: what was acknowledged is in the log all the same.
#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "audit/log.h"
#include "base/test_rounds.h"
#include "crypto/test_disk.h"
#include "crypto/test_folder.h"

namespace holdfast::audit {
namespace {

using crypto::Disk;

Event Numbered(int number) {
  return {.kind = EventKind::kKeyCreated,
          .actor = "a-1",
          .subject = "k-" + std::to_string(number),
          .fields = {}};
}

class LogPower : public testing::Test {
 protected:
  ~LogPower() override {
    Disk().before_sync = nullptr;
    Disk().fails = false;
  }

  crypto::TestFolder folder_;
  std::filesystem::path path_ = folder_.path() / "audit.log";
};

// What was written is there up to some byte, as a file that grows is.
TEST_F(LogPower, WhatWasAcknowledgedIsOnTheDiskBeforeAppendReturns) {
  struct Moment {
    std::string before, after;
    std::uint64_t acknowledged;
  };
  std::vector<Moment> moments;
  std::string on_disk;
  std::uint64_t acknowledged = 0;
  {
    const auto log = Log::Open(path_);
    ASSERT_TRUE(log);
    Disk().before_sync = [&] {
      std::string now = crypto::ReadFile(path_);
      moments.push_back({on_disk, now, acknowledged});
      on_disk = std::move(now);
    };
    for (int i = 0; i < 30; ++i) {
      ASSERT_TRUE((*log)->Append(Numbered(i)));
      ++acknowledged;
      // Also when nothing of what was written after the last sync is there.
      ASSERT_EQ(std::ranges::count(on_disk, '\n'), static_cast<std::ptrdiff_t>(acknowledged));
    }
    Disk().before_sync = nullptr;
  }
  ASSERT_EQ(moments.size(), 30u);
  Random random(1);
  for (const Moment& moment : moments) {
    const std::size_t written = moment.after.size() - moment.before.size();
    crypto::WriteFile(path_,
                      moment.after.substr(0, moment.before.size() + random.Next() % (written + 1)));
    const auto log = Log::Open(path_);
    ASSERT_TRUE(log) << log.error().message;
    EXPECT_GE((*log)->record_count(), moment.acknowledged);
    ASSERT_TRUE((*log)->Append(Numbered(99)));
    EXPECT_TRUE(Verify(path_));
  }
}

TEST_F(LogPower, AfterASyncThatFailedNothingIsAppendedUntilItIsOpenedAgain) {
  auto log = Log::Open(path_);
  ASSERT_TRUE(log && (*log)->Append(Numbered(1)));
  Disk().fails = true;
  EXPECT_EQ((*log)->Append(Numbered(2)).error().code, ErrorCode::kIo);
  Disk().fails = false;
  EXPECT_EQ((*log)->Append(Numbered(3)).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ((*log)->record_count(), 1u);
  log->reset();
  log = Log::Open(path_);
  ASSERT_TRUE(log);
  EXPECT_GE((*log)->record_count(), 1u);
  EXPECT_TRUE((*log)->Append(Numbered(3)));
  EXPECT_TRUE(Verify(path_));
}

}  // namespace
}  // namespace holdfast::audit
