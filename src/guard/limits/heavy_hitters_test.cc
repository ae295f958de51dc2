#include "guard/limits/heavy_hitters.h"

#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "base/random.h"

namespace holdfast::guard {
namespace {

constexpr std::size_t kCounters = 64;

void ExpectBounds(const HeavyHitters& sketch, const std::map<std::uint64_t, double>& exact,
                  double total) {
  const double bound = total / kCounters + 1e-9 * total;
  EXPECT_NEAR(sketch.total(), total, 1e-9 * total);
  EXPECT_LE(sketch.least(), bound);
  for (const auto& [name, truth] : exact) {
    const HeavyHitters::Count count = sketch.Find(name);
    if (count.count == 0) {
      ASSERT_LE(truth, sketch.least() * (1 + 1e-9));
      continue;
    }
    ASSERT_LE(count.error, bound);
    ASSERT_LE(count.surely(), truth * (1 + 1e-9));
    ASSERT_GE(count.count, truth * (1 - 1e-9));
  }
}

// Names drawn by Zipf's law, among a flood of names that come once each, with weights.
TEST(HeavyHitters, KeepsItsBoundAgainstExactCounts) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    HeavyHitters sketch(kCounters);
    std::map<std::uint64_t, double> exact;
    double total = 0;
    for (std::uint64_t i = 0; i < 50'000; ++i) {
      const bool is_flood = i % 3 != 0;
      const auto name =
          is_flood ? 1'000'000 + i : static_cast<std::uint64_t>(1 / (random.Uniform() + 1e-4));
      const double weight = 1 + std::floor(4 * random.Uniform());
      sketch.Add(name, weight);
      exact[name] += weight;
      total += weight;
    }
    ExpectBounds(sketch, exact, total);
    EXPECT_EQ(sketch.Top().front().name, 1);
    EXPECT_EQ(sketch.Top().size(), kCounters);
  }
}

TEST(HeavyHitters, KeepsItsBoundWhileItFades) {
  Random random(11);
  HeavyHitters sketch(kCounters, std::chrono::seconds(10));
  std::map<std::uint64_t, double> exact;
  double total = 0;
  int halvings = 0;
  for (int i = 0; i < 20'000; ++i) {
    const int now_halvings = sketch.Advance(AtSeconds(i * 0.005));
    halvings += now_halvings;
    for (auto& [name, truth] : exact) truth = std::ldexp(truth, -now_halvings);
    total = std::ldexp(total, -now_halvings) + 1;
    const auto name = static_cast<std::uint64_t>(1 / (random.Uniform() + 1e-4));
    sketch.Add(name);
    exact[name] += 1;
  }
  EXPECT_EQ(halvings, 9);
  ExpectBounds(sketch, exact, total);
}

TEST(HeavyHitters, ForgivenNamesStartAgain) {
  HeavyHitters sketch(2);
  for (int i = 0; i < 10; ++i) sketch.Add(1);
  sketch.Forgive(1);
  EXPECT_EQ(sketch.Find(1).surely(), 0);
  EXPECT_EQ(sketch.Find(1).count, 10);
  EXPECT_EQ(sketch.Add(1).surely(), 1);
}

}  // namespace
}  // namespace holdfast::guard
