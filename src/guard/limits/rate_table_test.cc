#include "guard/limits/rate_table.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "base/mix.h"
#include "base/random.h"
#include "guard/limits/gcra.h"

namespace holdfast::guard {
namespace {

// A table beside the exact TAT of every source.
class TableBesideTruth {
 public:
  TableBesideTruth(std::size_t cells, std::size_t sources, RateLimit limit, std::uint64_t seed)
      : table_(cells, seed), gcra_(limit), exact_(sources, Time::min()) {}

  // Whether the source passes. The table never knows of less debt than there is.
  bool Send(std::size_t source, Time now) {
    Time& tat = table_.Find(Mix64(source + 1), now);
    if (tat < exact_[source] && exact_[source] > now) ++forgotten_;
    if (gcra_.Wait(tat, now) > Duration(0)) {
      if (gcra_.Wait(exact_[source], now) == Duration(0)) ++refused_for_others_;
      return false;
    }
    if (gcra_.Wait(exact_[source], now) > Duration(0)) ++excess_;
    tat = gcra_.Charge(tat, now);
    exact_[source] = gcra_.Charge(exact_[source], now);
    return true;
  }

  const RateTable& table() const { return table_; }
  int forgotten() const { return forgotten_; }
  int excess() const { return excess_; }
  int refused_for_others() const { return refused_for_others_; }

 private:
  RateTable table_;
  Gcra gcra_;
  std::vector<Time> exact_;
  int forgotten_ = 0;
  int excess_ = 0;
  int refused_for_others_ = 0;
};

TEST(RateTable, IsExactWhileSourcesInDebtFit) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    constexpr std::size_t kCells = 1 << 14;
    constexpr std::size_t kSources = kCells * 2 / 3;
    TableBesideTruth pair(kCells, kSources, {.rate = 0.01, .burst = 3}, seed);
    for (int round = 0; round < 5; ++round) {
      for (std::size_t source = 0; source < kSources; ++source) {
        EXPECT_EQ(pair.Send(source, AtSeconds(round)), round < 3);
      }
    }
    EXPECT_EQ(pair.table().shared_count(), 0);
    EXPECT_EQ(pair.refused_for_others(), 0);
  }
}

// A million sources over a table of 16,384 cells, four of them as fast as they can: nobody exceeds
// the limit, and the memory is the same.
TEST(RateTable, NobodyExceedsTheLimitAmongAMillionSources) {
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    SCOPED_TRACE(seed);
    constexpr std::size_t kSources = 1'000'000;
    TableBesideTruth pair(1 << 14, kSources, {.rate = 0.5, .burst = 4}, seed);
    const std::size_t bytes = pair.table().state_bytes();
    Random random(seed);
    for (std::size_t i = 0; i < 3 * kSources; ++i) {
      const std::size_t source = i % 10 == 0 ? random.Next() % 4 : random.Next() % kSources;
      pair.Send(source, Time(Duration(static_cast<Duration::rep>(i * 10))));
    }
    EXPECT_EQ(pair.excess(), 0);
    EXPECT_EQ(pair.forgotten(), 0);
    EXPECT_EQ(pair.table().state_bytes(), bytes);
    EXPECT_GT(pair.table().shared_count(), 0);
  }
}

// Waves that fill the table, let it drain in part and fill it again, so that sources move between
// cells of their own and shared ones.
TEST(RateTable, NobodyGainsByMovingBetweenCells) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    constexpr std::size_t kSources = 600;
    TableBesideTruth pair(256, kSources, {.rate = 1, .burst = 5}, seed);
    Random random(seed);
    for (int i = 0; i < 200'000; ++i) {
      const double now_s = i * 0.002;
      const bool is_wave = std::fmod(now_s, 20) < 8;
      const std::size_t reach = is_wave ? kSources : 20;
      pair.Send(random.Next() % reach, AtSeconds(now_s));
    }
    EXPECT_EQ(pair.excess(), 0);
    EXPECT_EQ(pair.forgotten(), 0);
    EXPECT_GT(pair.table().shared_count(), 0);
  }
}

TEST(RateTable, AFloodOfNewSourcesDoesNotTouchThoseWithACell) {
  constexpr std::size_t kHonest = 100;
  TableBesideTruth pair(1 << 10, 1'000'000, {.rate = 1, .burst = 10}, 7);
  int refused = 0;
  for (int i = 0; i < 500'000; ++i) {
    const Time now = AtSeconds(i * 1e-4);
    // Each honest source five times at first, then a little slower than its rate: always in debt,
    // so always in its cell.
    const auto honest = static_cast<std::size_t>(i / 105) % kHonest;
    for (int count = i < 105 * 100 ? 5 : 1; i % 105 == 0 && count > 0; --count) {
      if (!pair.Send(honest, now)) ++refused;
    }
    if (i >= 20'000) pair.Send(kHonest + static_cast<std::size_t>(i), now);
  }
  EXPECT_EQ(refused, 0);
  EXPECT_GT(pair.table().shared_count(), 0);
}

TEST(RateTable, ForgetsTheFloodOnceItsDebtsArePaid) {
  TableBesideTruth pair(256, 10'000, {.rate = 1, .burst = 5}, 3);
  for (std::size_t source = 0; source < 5'000; ++source) pair.Send(source, AtSeconds(0));
  const std::uint64_t shared = pair.table().shared_count();
  EXPECT_GT(shared, 0);
  for (std::size_t source = 5'000; source < 5'100; ++source) {
    EXPECT_TRUE(pair.Send(source, AtSeconds(6)));
  }
  EXPECT_EQ(pair.table().shared_count(), shared);
}

}  // namespace
}  // namespace holdfast::guard
