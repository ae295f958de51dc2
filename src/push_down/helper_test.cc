// The helper and the kernel, over a cable between two network namespaces.
#include "push_down/helper.h"

#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "push_down/rights.h"
#include "push_down/test_network.h"

namespace holdfast::push_down {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A connection over a cable takes microseconds; one that is dropped is tried again after a second.
constexpr milliseconds kNotDropped{5'000};
constexpr milliseconds kDropped{300};
constexpr seconds kPatience{60};

Command Add(const char* address, seconds term) { return {*Target::Parse(address), term}; }
Command Remove(const char* address) { return {*Target::Parse(address), std::nullopt}; }

class HelperTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (network_.why) GTEST_SKIP() << *network_.why;
    if (!HasNetAdmin()) GTEST_SKIP() << "this process has no CAP_NET_ADMIN";
    // Not every kernel has nftables.
    Result<Helper> helper = Helper::Start(
        {.port = listener_->port(), .never = {Target::Parse("10.99.0.5")->network()}});
    if (!helper && helper.error().code == ErrorCode::kUnavailable) {
      GTEST_SKIP() << helper.error().message;
    }
    ASSERT_TRUE(helper) << helper.error().message;
    helper_.emplace(std::move(*helper));
  }

  bool CanConnect(const char* from, milliseconds patience = kNotDropped) const {
    return network_.CanConnect(from, listener_->port(), patience);
  }

  TestNetwork network_;
  std::optional<TestListener> listener_{std::in_place};
  std::optional<Helper> helper_;
};

TEST_F(HelperTest, TheKernelDropsWhatIsAddedAndUndoLetsItBackAtOnce) {
  ASSERT_TRUE(CanConnect("10.99.0.2"));
  ASSERT_TRUE(helper_->Do(Add("10.99.0.2", seconds(600))));
  EXPECT_FALSE(CanConnect("10.99.0.2", kDropped));
  EXPECT_TRUE(CanConnect("10.99.0.3")) << "its neighbour is not touched";
  ASSERT_TRUE(helper_->Do(Remove("10.99.0.2")));
  EXPECT_TRUE(CanConnect("10.99.0.2"));
}

TEST_F(HelperTest, DropsASubscribersWholeIpv6Network) {
  ASSERT_TRUE(CanConnect("fd98::1"));
  ASSERT_TRUE(helper_->Do(Add("fd98::7:8", seconds(600))));
  EXPECT_FALSE(CanConnect("fd98::1", kDropped));
  ASSERT_TRUE(helper_->Do(Remove("fd98::9")));
  EXPECT_TRUE(CanConnect("fd98::1"));
}

TEST_F(HelperTest, TheKernelsOwnTimerLetsItBack) {
  ASSERT_TRUE(helper_->Do(Add("10.99.0.2", seconds(1))));
  EXPECT_FALSE(CanConnect("10.99.0.2", kDropped));
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  bool is_back = false;
  while (!is_back && std::chrono::steady_clock::now() < deadline) {
    is_back = CanConnect("10.99.0.2", milliseconds(100));
  }
  EXPECT_TRUE(is_back);
}

TEST_F(HelperTest, AddedAgainItsTimeBeginsAnew) {
  ASSERT_TRUE(helper_->Do(Add("10.99.0.2", seconds(600))));
  ASSERT_TRUE(helper_->Do(Add("10.99.0.2", seconds(1))));
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  bool is_back = false;
  while (!is_back && std::chrono::steady_clock::now() < deadline) {
    is_back = CanConnect("10.99.0.2", milliseconds(100));
  }
  EXPECT_TRUE(is_back) << "it still has the time of before";
  ASSERT_TRUE(helper_->Do(Remove("10.99.0.4"))) << "one that is not there may be removed";
}

TEST_F(HelperTest, OnlyTheServicesPortIsClosedToIt) {
  const TestListener other;
  ASSERT_TRUE(helper_->Do(Add("10.99.0.2", seconds(600))));
  EXPECT_FALSE(CanConnect("10.99.0.2", kDropped));
  EXPECT_TRUE(network_.CanConnect("10.99.0.2", other.port(), kNotDropped));
}

TEST_F(HelperTest, NeverDropsThisMachineOrWhomItWasToldToSpare) {
  for (const char* address : {"10.99.0.1", "fd99::1", "fd99::99", "10.99.0.5"}) {
    const Result<void> done = helper_->Do(Add(address, seconds(600)));
    ASSERT_FALSE(done) << address;
    EXPECT_EQ(done.error().code, ErrorCode::kPermissionDenied) << address;
  }
  EXPECT_TRUE(CanConnect("10.99.0.5"));
}

TEST_F(HelperTest, TheChildHasOneRightAndTakesItsTableWithIt) {
  std::ifstream status("/proc/" + std::to_string(helper_->pid()) + "/status");
  const std::string text((std::istreambuf_iterator<char>(status)), {});
  for (const char* line :
       {"CapPrm:\t0000000000001000", "CapEff:\t0000000000001000", "CapInh:\t0000000000000000",
        "CapAmb:\t0000000000000000", "CapBnd:\t0000000000001000", "NoNewPrivs:\t1",
        "Uid:\t65534\t65534\t65534\t65534"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line;
  }
  ASSERT_TRUE(helper_->Do(Add("10.99.0.2", seconds(600))));
  helper_.reset();
  EXPECT_TRUE(CanConnect("10.99.0.2"));
}

TEST_F(HelperTest, ADeadChildIsAnErrorAndNoMore) {
  ::kill(helper_->pid(), SIGKILL);
  const Result<void> done = helper_->Do(Add("10.99.0.2", seconds(1)));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kFailedPrecondition);
}

// In a child of the test's own, which gives the right away.
TEST(HelperWithoutTheRight, IsNotStarted) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    DropNetAdmin();
    const Result<Helper> helper = Helper::Start({});
    const bool is_denied = !helper && helper.error().code == ErrorCode::kPermissionDenied;
    ::_exit(is_denied ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace holdfast::push_down
