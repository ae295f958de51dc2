#include "kernels/rope.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/internal/for_each_target.h"

namespace holdfast::kernels {
namespace {

TEST(Rope, AgreesWithReferenceOnAllTargets) {
  internal::ForEachTarget([] {
    for (const std::int64_t dim : {2, 8, 12, 32, 34, 64, 128}) {
      std::vector<float> x(dim), cos(dim / 2), sin(dim / 2), got(dim), want(dim);
      for (std::int64_t i = 0; i < dim; ++i) x[i] = static_cast<float>(i % 7) - 2.5f;
      RopeAngles(MakeRopeTable(dim, 10000.0, nullptr), 1234, cos.data(), sin.data());
      Rope(x.data(), cos.data(), sin.data(), dim, got.data());
      reference::Rope(x.data(), cos.data(), sin.data(), dim, want.data());
      for (std::int64_t i = 0; i < dim; ++i) ASSERT_NEAR(got[i], want[i], 1e-6f) << dim << " " << i;
      Rope(x.data(), cos.data(), sin.data(), dim, x.data());
      EXPECT_EQ(x, got);
    }
  });
}

TEST(Rope, TurnsAdjacentPairs) {
  const float x[4] = {1, 0, 0, 1};
  const float cos[2] = {0, -1}, sin[2] = {1, 0};
  float y[4];
  Rope(x, cos, sin, 4, y);
  EXPECT_FLOAT_EQ(y[0], 0);
  EXPECT_FLOAT_EQ(y[1], 1);
  EXPECT_FLOAT_EQ(y[2], 0);
  EXPECT_FLOAT_EQ(y[3], -1);
}

// DeepSeek-V3: dim 64, base 1e4, factor 40, 4096 positions. Pairs up to 10 keep their frequency,
// from 23 on all are stretched; both mscales equal leave the amplitude at 1.
TEST(Yarn, ReproducesDeepSeekV3sRamp) {
  const YarnOptions yarn{40, 4096, 32, 1, 1.0, 1.0};
  const RopeTable plain = MakeRopeTable(64, 1e4, nullptr), scaled = MakeRopeTable(64, 1e4, &yarn);
  for (int i = 0; i <= 10; ++i) EXPECT_DOUBLE_EQ(scaled.frequency[i], plain.frequency[i]) << i;
  for (int i = 23; i < 32; ++i) {
    EXPECT_NEAR(scaled.frequency[i], plain.frequency[i] / 40, 1e-15) << i;
  }
  const double ramp = (15.0 - 10) / (23 - 10);
  EXPECT_NEAR(scaled.frequency[15], plain.frequency[15] * (ramp / 40 + 1 - ramp), 1e-15);
  EXPECT_DOUBLE_EQ(scaled.amplitude, 1.0);
  EXPECT_NEAR(scaled.softmax_scale_factor, 1.8738542, 1e-6);
}

TEST(Yarn, ReproducesDeepSeekV2sMscale) {
  const YarnOptions yarn{40, 4096, 32, 1, 0.707, 0.707};
  EXPECT_NEAR(MakeRopeTable(64, 1e4, &yarn).softmax_scale_factor, 1.5896262, 1e-6);
}

TEST(Yarn, MscaleWithoutMscaleAllDimScalesTheAmplitude) {
  const YarnOptions yarn{40, 4096, 32, 1, 1.0, 0.0};
  const RopeTable table = MakeRopeTable(64, 1e4, &yarn);
  EXPECT_NEAR(table.amplitude, 1.3688879, 1e-6);
  EXPECT_DOUBLE_EQ(table.softmax_scale_factor, 1.0);
}

// Kimi-K2 has beta_fast equal to beta_slow: a ramp of at most one pair.
TEST(Yarn, EqualBetasGiveFiniteFrequencies) {
  const YarnOptions yarn{32, 4096, 1, 1, 1.0, 1.0};
  for (const double frequency : MakeRopeTable(64, 5e4, &yarn).frequency) {
    EXPECT_TRUE(std::isfinite(frequency) && frequency > 0);
  }
}

TEST(RopeAngles, AreAccurateFarOut) {
  const RopeTable table = MakeRopeTable(64, 1e4, nullptr);
  std::vector<float> cos(32), sin(32);
  RopeAngles(table, 160'000, cos.data(), sin.data());
  EXPECT_NEAR(cos[0], std::cos(160'000.0), 1e-7);
  EXPECT_NEAR(sin[0], std::sin(160'000.0), 1e-7);
}

}  // namespace
}  // namespace holdfast::kernels
