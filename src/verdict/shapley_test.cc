#include "verdict/shapley.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include <gtest/gtest.h>

#include "base/random.h"

namespace holdfast::verdict {
namespace {

constexpr std::uint64_t kSeed = 20250127;

WorldLosses RandomLosses(Random& random) {
  WorldLosses losses{};
  for (double& loss : losses) loss = 1000 * random.Uniform();
  return losses;
}

int Swapped(int world, int a, int b) {
  const int bit_a = world >> a & 1;
  const int bit_b = world >> b & 1;
  return (world & ~(1 << a) & ~(1 << b)) | bit_a << b | bit_b << a;
}

TEST(Shapley, ValuesSumToTheWholeLoss) {
  Random random(kSeed);
  for (int i = 0; i < 1000; ++i) {
    const WorldLosses losses = RandomLosses(random);
    const CauseValues values = ShapleyValues(losses);
    EXPECT_NEAR(std::accumulate(values.begin(), values.end(), 0.0), losses[7] - losses[0], 1e-9);
  }
}

TEST(Shapley, LikeCausesHaveLikeValues) {
  Random random(kSeed);
  for (int i = 0; i < 1000; ++i) {
    for (const auto& [a, b] : {std::pair(0, 1), std::pair(0, 2), std::pair(1, 2)}) {
      WorldLosses losses = RandomLosses(random);
      for (int world = 0; world < kWorldCount; ++world) {
        losses[static_cast<std::size_t>(Swapped(world, a, b))] =
            losses[static_cast<std::size_t>(world)];
      }
      const CauseValues values = ShapleyValues(losses);
      EXPECT_NEAR(values[static_cast<std::size_t>(a)], values[static_cast<std::size_t>(b)], 1e-9);
    }
  }
}

TEST(Shapley, ACauseThatNeverMattersHasNoValue) {
  Random random(kSeed);
  for (int i = 0; i < 1000; ++i) {
    for (int cause = 0; cause < kCauseCount; ++cause) {
      WorldLosses losses = RandomLosses(random);
      for (int world = 0; world < kWorldCount; ++world) {
        losses[static_cast<std::size_t>(world | 1 << cause)] =
            losses[static_cast<std::size_t>(world & ~(1 << cause))];
      }
      EXPECT_NEAR(ShapleyValues(losses)[static_cast<std::size_t>(cause)], 0, 1e-9);
    }
  }
}

TEST(Shapley, ValuesAddUpOverLosses) {
  Random random(kSeed);
  for (int i = 0; i < 1000; ++i) {
    const WorldLosses first = RandomLosses(random);
    const WorldLosses second = RandomLosses(random);
    WorldLosses sum{};
    std::ranges::transform(first, second, sum.begin(), std::plus());
    for (std::size_t cause = 0; cause < kCauseCount; ++cause) {
      EXPECT_NEAR(ShapleyValues(sum)[cause],
                  ShapleyValues(first)[cause] + ShapleyValues(second)[cause], 1e-9);
    }
  }
}

TEST(Shapley, IsTheMeanOverTheSixOrders) {
  Random random(kSeed);
  const WorldLosses losses = RandomLosses(random);
  std::array<int, kCauseCount> order = {0, 1, 2};
  CauseValues mean{};
  do {
    int world = 0;
    for (const int cause : order) {
      const int with = world | 1 << cause;
      mean[static_cast<std::size_t>(cause)] +=
          (losses[static_cast<std::size_t>(with)] - losses[static_cast<std::size_t>(world)]) / 6;
      world = with;
    }
  } while (std::ranges::next_permutation(order).found);
  for (std::size_t cause = 0; cause < kCauseCount; ++cause) {
    EXPECT_NEAR(ShapleyValues(losses)[cause], mean[cause], 1e-9);
  }
}

TEST(Shapley, SharesArePartsOfOneAndNeverNegative) {
  // Demand alone loses 60, an attack 20 more; lost capacity takes from the loss.
  const CauseShares shares = ShapleyShares({0, 20, 60, 80, -10, 10, 50, 70});
  EXPECT_NEAR(shares[0], 0.25, 1e-9);
  EXPECT_NEAR(shares[1], 0.75, 1e-9);
  EXPECT_EQ(shares[2], 0);
  EXPECT_EQ(ShapleyShares({5, 5, 5, 5, 5, 5, 5, 5}), CauseShares{});
}

}  // namespace
}  // namespace holdfast::verdict
