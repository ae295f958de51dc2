#include "kernels/silu_mul.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/internal/for_each_target.h"

namespace holdfast::kernels {
namespace {

TEST(SiluMul, AgreesWithReferenceOnAllTargets) {
  internal::ForEachTarget([] {
    for (const std::int64_t count : {1, 7, 16, 31, 48, 1408}) {
      std::vector<float> gate(count), up(count), got(count), want(count);
      for (std::int64_t i = 0; i < count; ++i) {
        gate[i] = 0.07f * static_cast<float>(i % 300 - 150);
        up[i] = 0.3f * static_cast<float>(i % 11 - 5);
      }
      SiluMul(gate.data(), up.data(), count, got.data());
      reference::SiluMul(gate.data(), up.data(), count, want.data());
      for (std::int64_t i = 0; i < count; ++i) {
        ASSERT_NEAR(got[i], want[i], 2e-6f * (1 + std::abs(want[i]))) << count << " at " << i;
      }
    }
  });
}

TEST(SiluMul, StaysFiniteAtTheEnds) {
  internal::ForEachTarget([] {
    const std::vector<float> gate = {-1e30f, -1000, -88, 88, 1000, 1e30f};
    const std::vector<float> up(gate.size(), 1.0f);
    std::vector<float> got(gate.size());
    SiluMul(gate.data(), up.data(), static_cast<std::int64_t>(gate.size()), got.data());
    for (std::size_t i = 3; i < gate.size(); ++i) EXPECT_FLOAT_EQ(got[i], gate[i]);
    EXPECT_NEAR(got[2], 0, 1e-30);
    EXPECT_NEAR(got[1], 0, 1e-30);
    EXPECT_TRUE(std::isfinite(got[0]));
  });
}

TEST(SiluMul, AnElementsBitsDoNotDependOnItsPlace) {
  internal::ForEachTarget([] {
    std::vector<float> gate(37, 0.731f), up(37, -1.37f), got(37);
    SiluMul(gate.data(), up.data(), 37, got.data());
    for (const float value : got) EXPECT_EQ(value, got[0]);
  });
}

}  // namespace
}  // namespace holdfast::kernels
