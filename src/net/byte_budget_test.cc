#include "net/byte_budget.h"

#include <list>
#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "net/asio.h"

namespace holdfast::net {
namespace {

class ByteBudgetTest : public ::testing::Test {
 protected:
  // Begins to grow; the answer is in `grown` when it is there.
  void Grow(ByteBudget::Lease& lease, std::size_t bytes, std::optional<bool>& grown,
            TimePoint deadline = kNoDeadline) {
    const auto grow = [](ByteBudget::Lease& which, std::size_t size, std::optional<bool>& result,
                         TimePoint until) -> Awaitable<void> {
      result = co_await which.GrowTo(size, until);
    };
    asio::co_spawn(context_, grow(lease, bytes, grown, deadline), asio::detached);
    Run();
  }
  void Run() {
    context_.restart();
    context_.poll();
  }

  asio::io_context context_;
  std::shared_ptr<ByteBudget> budget_ = ByteBudget::Make({.bytes_max = 100, .reserve_bytes = 40});
};

TEST_F(ByteBudgetTest, GrowsAndGivesAllBack) {
  {
    ByteBudget::Lease lease = budget_->Begin();
    std::optional<bool> grown;
    Grow(lease, 30, grown);
    EXPECT_EQ(grown, true);
    Grow(lease, 20, grown);
    EXPECT_EQ(lease.bytes(), 30u) << "it never shrinks";
    const ByteBudget::Lease moved = std::move(lease);
    EXPECT_EQ(budget_->used_bytes(), 30u);
  }
  EXPECT_EQ(budget_->used_bytes(), 0u);
}

TEST_F(ByteBudgetTest, WaitsUntilAnotherGivesBack) {
  std::optional<ByteBudget::Lease> first = budget_->Begin();
  ByteBudget::Lease second = budget_->Begin();
  std::optional<bool> grown_first;
  std::optional<bool> grown_second;
  Grow(*first, 50, grown_first);
  first->Finish();
  Grow(second, 51, grown_second);
  EXPECT_EQ(grown_second, std::nullopt);
  first.reset();
  Run();
  EXPECT_EQ(grown_second, true);
  EXPECT_EQ(budget_->used_bytes(), 51u);
}

TEST_F(ByteBudgetTest, TheReserveIsForTheOldest) {
  ByteBudget::Lease oldest = budget_->Begin();
  ByteBudget::Lease younger = budget_->Begin();
  std::optional<bool> grown_oldest;
  std::optional<bool> grown_younger;
  Grow(younger, 60, grown_younger);
  EXPECT_EQ(grown_younger, true);
  Grow(younger, 61, grown_younger = std::nullopt);
  EXPECT_EQ(grown_younger, std::nullopt);
  Grow(oldest, 39, grown_oldest);
  EXPECT_EQ(grown_oldest, true);
  oldest.Finish();
  Run();
  EXPECT_EQ(grown_younger, true) << "it is the oldest now";
}

TEST_F(ByteBudgetTest, AWaitEndsAtItsTime) {
  ByteBudget::Lease first = budget_->Begin();
  ByteBudget::Lease second = budget_->Begin();
  std::optional<bool> grown_first;
  std::optional<bool> grown_second;
  Grow(first, 100, grown_first);
  Grow(second, 1, grown_second, Clock::now());
  EXPECT_EQ(grown_second, false);
}

TEST_F(ByteBudgetTest, OneGivenBackWakesAllWhoFit) {
  std::optional<ByteBudget::Lease> first = budget_->Begin();
  std::optional<bool> grown;
  Grow(*first, 100, grown);
  std::list<ByteBudget::Lease> waiting;
  std::vector<std::optional<bool>> results(5);
  for (std::optional<bool>& result : results) {
    waiting.push_back(budget_->Begin());
    Grow(waiting.back(), 20, result);
  }
  first.reset();
  Run();
  // The oldest has the reserve, the others what is left before it.
  EXPECT_EQ(results, (std::vector<std::optional<bool>>{true, true, true, {}, {}}));
  EXPECT_EQ(budget_->used_bytes(), 60u);
  for (int i = 0; i < 3; ++i) waiting.pop_front();
  Run();
  EXPECT_EQ(results[3], true);
}

}  // namespace
}  // namespace holdfast::net
