#include "drill/random_stream.h"

#include <gtest/gtest.h>

namespace holdfast::drill {
namespace {

struct Moments {
  double mean = 0;
  double variance = 0;
};

template <typename Draw>
Moments MomentsOf(Draw draw) {
  constexpr int kDraws = 200'000;
  double sum = 0;
  double square = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double value = draw();
    sum += value;
    square += value * value;
  }
  const double mean = sum / kDraws;
  return {mean, square / kDraws - mean * mean};
}

// Seed 9 in all.
TEST(RandomStream, LawsHaveTheirMomentsAboutAMeanOfOne) {
  RandomStream random(9);
  const Moments exponential = MomentsOf([&] { return random.Exponential(1); });
  EXPECT_NEAR(exponential.mean, 1, 0.02);
  EXPECT_NEAR(exponential.variance, 1, 0.05);
  for (const double shape : {0.3, 1.0, 4.0}) {
    const Moments gamma = MomentsOf([&] { return random.Gamma(shape); });
    EXPECT_NEAR(gamma.mean, 1, 0.03) << shape;
    EXPECT_NEAR(gamma.variance * shape, 1, 0.06) << shape;
  }
  for (const double shape : {0.6, 1.0, 3.0}) {
    EXPECT_NEAR(MomentsOf([&] { return random.Weibull(shape); }).mean, 1, 0.03) << shape;
  }
}

TEST(RandomStream, NormalsAreStandardAndUnrelated) {
  RandomStream random(9);
  double product = 0;
  const Moments first = MomentsOf([&] {
    const auto [a, b] = random.Normals();
    product += a * b;
    return a;
  });
  EXPECT_NEAR(first.mean, 0, 0.01);
  EXPECT_NEAR(first.variance, 1, 0.02);
  EXPECT_NEAR(product / 200'000, 0, 0.01);
}

TEST(RandomStream, EqualSeedsAgreeAndNeighboursDoNot) {
  RandomStream a(1), b(1), c(2);
  int equal = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t word = a.Next();
    EXPECT_EQ(word, b.Next());
    equal += word == c.Next() ? 1 : 0;
  }
  EXPECT_EQ(equal, 0);
}

}  // namespace
}  // namespace holdfast::drill
