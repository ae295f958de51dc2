#include "server/restart_policy.h"

#include <gtest/gtest.h>

namespace holdfast::server {
namespace {

using std::chrono::milliseconds;
constexpr int kCrash = 139;

TEST(RestartPolicy, DoublesTheWaitUpToItsMaximum) {
  RestartPolicy policy(milliseconds(250), milliseconds(1'500));
  const RestartPolicy::TimePoint now{};
  policy.Started(now);
  for (const int wait_ms : {250, 500, 1'000, 1'500, 1'500}) {
    EXPECT_EQ(policy.Died(now, kCrash), milliseconds(wait_ms));
  }
}

TEST(RestartPolicy, BeginsAnewAfterASteadyLife) {
  RestartPolicy policy(milliseconds(250), milliseconds(30'000));
  RestartPolicy::TimePoint now{};
  policy.Started(now);
  EXPECT_EQ(policy.Died(now, kCrash), milliseconds(250));
  EXPECT_EQ(policy.Died(now, kCrash), milliseconds(500));
  policy.Started(now);
  now += RestartPolicy::kSteady;
  EXPECT_EQ(policy.Died(now, kCrash), milliseconds(250));
}

TEST(RestartPolicy, GivesUpOnAWrongConfigurationOnlyAtTheBeginning) {
  RestartPolicy fresh(milliseconds(250), milliseconds(30'000));
  RestartPolicy::TimePoint now{};
  fresh.Started(now);
  EXPECT_EQ(fresh.Died(now, kExitConfigCode), std::nullopt);

  RestartPolicy steady(milliseconds(250), milliseconds(30'000));
  steady.Started(now);
  now += RestartPolicy::kSteady;
  EXPECT_TRUE(steady.Died(now, kExitConfigCode));
}

}  // namespace
}  // namespace holdfast::server
