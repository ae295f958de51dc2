#include "net/connection_quota.h"

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "net/asio.h"

namespace holdfast::net {
namespace {

using std::chrono::milliseconds;

Address At(std::string_view text) { return Address::Parse(text).value(); }

class ConnectionQuotaTest : public ::testing::Test {
 protected:
  void Make(const ConnectionLimits& limits) { quota_ = ConnectionQuota::Make(limits); }

  // nullopt: taken, and held as `name`. Says when it has to give way.
  std::optional<Reason> Take(std::string_view address, ConnectionUse use, std::string name = {}) {
    auto slot = quota_->Take(At(address), now_);
    if (!slot) return slot.error();
    slot->SetUse(use, now_);
    slot->OnGiveWay(context_.get_executor(), [this, name] { gave_way_.push_back(name); });
    slots_.push_back(std::move(*slot));
    return std::nullopt;
  }

  std::vector<std::string> GaveWay() {
    context_.restart();
    context_.run();
    return std::exchange(gave_way_, {});
  }

  asio::io_context context_;
  TimePoint now_ = TimePoint() + std::chrono::hours(1);
  std::shared_ptr<ConnectionQuota> quota_;
  std::vector<std::string> gave_way_;
  std::vector<ConnectionSlot> slots_;
};

constexpr auto kAnswering = ConnectionUse::kAnswering;
constexpr auto kReading = ConnectionUse::kReading;
constexpr auto kWriting = ConnectionUse::kWriting;
constexpr auto kIdle = ConnectionUse::kIdle;

TEST_F(ConnectionQuotaTest, RefusesOverTheTotal) {
  Make({.total_max = 2, .per_address_max = 2});
  EXPECT_FALSE(Take("192.0.2.1", kAnswering));
  EXPECT_FALSE(Take("192.0.2.2", kAnswering));
  EXPECT_EQ(Take("192.0.2.3", kAnswering), Reason::kConnectionsFull);
  slots_.pop_back();
  EXPECT_FALSE(Take("192.0.2.3", kAnswering));
  EXPECT_TRUE(GaveWay().empty());
}

TEST_F(ConnectionQuotaTest, RefusesOneClientAndServesAnother) {
  Make({.total_max = 10, .per_address_max = 1});
  EXPECT_FALSE(Take("192.0.2.1", kIdle));
  EXPECT_EQ(Take("192.0.2.1", kIdle), Reason::kYourConcurrency);
  EXPECT_EQ(Take("::ffff:192.0.2.1", kIdle), Reason::kYourConcurrency);
  EXPECT_FALSE(Take("192.0.2.2", kIdle));
}

TEST_F(ConnectionQuotaTest, CountsAnIpv6NetworkAsOneClient) {
  Make({.total_max = 10, .per_address_max = 1});
  EXPECT_FALSE(Take("2001:db8:1:2::1", kIdle));
  EXPECT_EQ(Take("2001:db8:1:2:ffff::9", kIdle), Reason::kYourConcurrency);
  EXPECT_FALSE(Take("2001:db8:1:3::1", kIdle));
}

TEST_F(ConnectionQuotaTest, GivesEverySlotBack) {
  Make({.total_max = 4, .per_address_max = 4});
  while (!Take("192.0.2.1", kAnswering)) continue;
  EXPECT_EQ(slots_.size(), 4u);
  EXPECT_EQ(quota_->open_count(), 4u);
  slots_.clear();
  EXPECT_EQ(quota_->open_count(), 0u);
}

TEST_F(ConnectionQuotaTest, TheLongestIdleGivesWayFirst) {
  Make({.total_max = 3, .per_address_max = 3});
  EXPECT_FALSE(Take("192.0.2.1", kReading, "slow"));
  now_ += milliseconds(10'000);
  EXPECT_FALSE(Take("192.0.2.2", kIdle, "idle first"));
  now_ += milliseconds(1);
  EXPECT_FALSE(Take("192.0.2.3", kIdle, "idle later"));
  EXPECT_FALSE(Take("192.0.2.4", kAnswering));
  EXPECT_EQ(GaveWay(), std::vector<std::string>{"idle first"});
  EXPECT_EQ(quota_->open_count(), 3u);
  EXPECT_EQ(quota_->gave_way_count(), 1u);
}

TEST_F(ConnectionQuotaTest, ThenASlowOneOfTheClientWithTheMost) {
  Make({.total_max = 4, .per_address_max = 4, .fair_time = milliseconds(3'000)});
  EXPECT_FALSE(Take("192.0.2.1", kReading, "one of one"));
  EXPECT_FALSE(Take("192.0.2.2", kWriting, "first of two"));
  EXPECT_FALSE(Take("192.0.2.2", kReading, "second of two"));
  EXPECT_FALSE(Take("192.0.2.3", kAnswering, "served"));
  EXPECT_EQ(Take("192.0.2.4", kAnswering, ""), std::nullopt) << "two more than the newcomer's none";
  EXPECT_EQ(GaveWay(), std::vector<std::string>{"first of two"});
  EXPECT_EQ(Take("192.0.2.4", kAnswering, ""), Reason::kConnectionsFull);
  now_ += milliseconds(3'000);
  EXPECT_EQ(Take("192.0.2.4", kAnswering, ""), std::nullopt);
  EXPECT_EQ(GaveWay(), std::vector<std::string>{"one of one"});
}

TEST_F(ConnectionQuotaTest, ProgressBeginsTheFairTimeAnew) {
  Make({.total_max = 1, .per_address_max = 1, .fair_time = milliseconds(3'000)});
  EXPECT_FALSE(Take("192.0.2.1", kWriting));
  now_ += milliseconds(2'999);
  slots_[0].SetUse(kWriting, now_);
  now_ += milliseconds(2'999);
  EXPECT_EQ(Take("192.0.2.2", kReading), Reason::kConnectionsFull);
  now_ += milliseconds(1);
  EXPECT_FALSE(Take("192.0.2.2", kReading));
}

TEST_F(ConnectionQuotaTest, ManySlowOnesDoNotTurnNewcomersAway) {
  constexpr std::size_t kTotal = 2'000;
  Make({.total_max = kTotal, .per_address_max = 128});
  for (std::size_t i = 0; i < 2'500; ++i) {
    Take(fmt::format("192.0.{}.{}", 2 + i % 2, i % 400 / 2), kReading, "slow");
  }
  EXPECT_EQ(quota_->open_count(), kTotal);
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(Take(fmt::format("198.51.100.{}", i), kAnswering, "page")) << i;
  }
  EXPECT_EQ(GaveWay(), std::vector<std::string>(100, "slow"));
  EXPECT_EQ(quota_->open_count(), kTotal);
}

TEST_F(ConnectionQuotaTest, LongAnswersLeavePlacesForShortOnes) {
  Make({.total_max = 3, .per_address_max = 3, .long_answers_max = 2});
  for (const char* address : {"192.0.2.1", "192.0.2.2", "192.0.2.3"}) Take(address, kAnswering);
  EXPECT_TRUE(slots_[0].BeginLongAnswer());
  EXPECT_TRUE(slots_[0].BeginLongAnswer()) << "the same one";
  EXPECT_TRUE(slots_[1].BeginLongAnswer());
  EXPECT_FALSE(slots_[2].BeginLongAnswer());
  slots_[0].SetUse(kIdle, now_);
  EXPECT_TRUE(slots_[2].BeginLongAnswer());
  slots_.pop_back();
  slots_[0].SetUse(kAnswering, now_);
  EXPECT_TRUE(slots_[0].BeginLongAnswer());
}

TEST_F(ConnectionQuotaTest, AProxysConnectionMovesToItsClient) {
  Make({.total_max = 10, .per_address_max = 1});
  std::vector<ConnectionSlot> slots;
  for (int i = 0; i < 3; ++i) slots.push_back(*quota_->TakeForProxy(At("10.0.0.1"), now_));
  EXPECT_TRUE(slots[0].MoveTo(At("192.0.2.1")));
  EXPECT_TRUE(slots[1].MoveTo(At("192.0.2.2")));
  const auto over = slots[2].MoveTo(At("192.0.2.1"));
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error(), Reason::kYourConcurrency);
  slots.clear();
  EXPECT_EQ(quota_->open_count(), 0u);
}

TEST_F(ConnectionQuotaTest, OneThatGaveWayEarlyHearsOfItAtOnceAndNoneAfterItsEnd) {
  Make({.total_max = 1, .per_address_max = 1, .fair_time = milliseconds(0)});
  auto early = quota_->Take(At("192.0.2.1"), now_);
  EXPECT_FALSE(Take("192.0.2.2", kReading, "ended"));
  bool was_called = false;
  early->OnGiveWay(context_.get_executor(), [&] { was_called = true; });
  EXPECT_TRUE(was_called);
  EXPECT_FALSE(early->BeginLongAnswer());

  auto last = quota_->Take(At("192.0.2.3"), now_);
  EXPECT_TRUE(last);
  slots_.clear();
  EXPECT_TRUE(GaveWay().empty());
  EXPECT_EQ(quota_->open_count(), 1u);
}

}  // namespace
}  // namespace holdfast::net
