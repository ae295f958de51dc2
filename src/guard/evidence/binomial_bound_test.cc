#include "guard/evidence/binomial_bound.h"

#include <cmath>
#include <cstdint>

#include <gtest/gtest.h>

namespace holdfast::guard {
namespace {

// The definition solved to twelve places in decimal arithmetic of 50 digits. 1 of 10 and 2 of 20
// are in printed tables (0.394, and 0.317 of the two-sided interval).
TEST(BinomialBound, IsTheExactOne) {
  const struct {
    std::uint64_t hits, trials;
    double confidence, upper;
  } kCases[] = {
      {1, 10, 0.95, 0.394163302437},     {5, 10, 0.95, 0.777558898992},
      {2, 20, 0.975, 0.316982714019},    {3, 1000, 0.95, 0.007735244718},
      {10, 1000, 0.95, 0.016903175121},  {4, 10'000, 0.95, 0.000915116058},
      {5, 10'000, 0.95, 0.001051013719}, {40, 50'000, 0.95, 0.001041261680},
      {99, 100, 0.95, 0.999487198584},
  };
  for (const auto& test : kCases) {
    EXPECT_NEAR(UpperBound(test.hits, test.trials, test.confidence), test.upper, 1e-9)
        << test.hits << " of " << test.trials;
    EXPECT_NEAR(LowerBound(test.trials - test.hits, test.trials, test.confidence), 1 - test.upper,
                1e-9);
  }
}

TEST(BinomialBound, WithoutHitsIsTheRootThatOneCanWriteDown) {
  for (const std::uint64_t trials : {1u, 10u, 2995u, 10'000u, 1'000'000u}) {
    const double root = 1 - std::pow(0.05, 1.0 / static_cast<double>(trials));
    EXPECT_NEAR(UpperBound(0, trials, 0.95), root, 1e-12);
  }
}

TEST(BinomialBound, SaysNothingOfNothing) {
  EXPECT_EQ(UpperBound(0, 0, 0.95), 1);
  EXPECT_EQ(LowerBound(0, 0, 0.95), 0);
  EXPECT_EQ(UpperBound(7, 7, 0.95), 1);
  EXPECT_EQ(LowerBound(0, 7, 0.95), 0);
}

}  // namespace
}  // namespace holdfast::guard
