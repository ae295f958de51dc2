#include "kernels/rms_norm.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/internal/for_each_target.h"

namespace holdfast::kernels {
namespace {

constexpr float kEpsilon = 1e-6f;
const std::int64_t kSizes[] = {1, 3, 15, 16, 17, 40, 64, 65, 100, 512, 2048, 7168};

std::vector<float> Random(std::int64_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

TEST(RmsNorm, AgreesWithReferenceOnAllTargets) {
  internal::ForEachTarget([] {
    for (const std::int64_t count : kSizes) {
      const std::vector<float> x = Random(count, 1), weight = Random(count, 2);
      std::vector<float> got(count), want(count);
      RmsNorm(x.data(), weight.data(), kEpsilon, count, got.data());
      reference::RmsNorm(x.data(), weight.data(), kEpsilon, count, want.data());
      for (std::int64_t i = 0; i < count; ++i) {
        ASSERT_NEAR(got[i], want[i], 2e-6f * (1 + std::abs(want[i]))) << count << " at " << i;
      }
    }
  });
}

TEST(RmsNorm, WorksInPlace) {
  std::vector<float> x = Random(100, 3);
  const std::vector<float> weight = Random(100, 4);
  std::vector<float> want(100);
  RmsNorm(x.data(), weight.data(), kEpsilon, 100, want.data());
  RmsNorm(x.data(), weight.data(), kEpsilon, 100, x.data());
  EXPECT_EQ(x, want);
}

TEST(AddRmsNorm, UpdatesTheStreamThenNorms) {
  internal::ForEachTarget([] {
    for (const std::int64_t count : kSizes) {
      const std::vector<float> added = Random(count, 5), weight = Random(count, 6);
      std::vector<float> x = Random(count, 7), x_want = x, got(count), want(count);
      AddRmsNorm(x.data(), added.data(), weight.data(), kEpsilon, count, got.data());
      reference::AddRmsNorm(x_want.data(), added.data(), weight.data(), kEpsilon, count,
                            want.data());
      for (std::int64_t i = 0; i < count; ++i) {
        ASSERT_FLOAT_EQ(x[i], x_want[i]);
        ASSERT_NEAR(got[i], want[i], 2e-6f * (1 + std::abs(want[i])));
      }
    }
  });
}

TEST(AddScaled, AgreesWithReferenceOnAllTargets) {
  internal::ForEachTarget([] {
    for (const std::int64_t count : kSizes) {
      const std::vector<float> added = Random(count, 8);
      std::vector<float> x = Random(count, 9), want = x;
      AddScaled(x.data(), added.data(), 0.37f, count);
      reference::AddScaled(want.data(), added.data(), 0.37f, count);
      for (std::int64_t i = 0; i < count; ++i) ASSERT_NEAR(x[i], want[i], 1e-6f);
    }
  });
}

}  // namespace
}  // namespace holdfast::kernels
