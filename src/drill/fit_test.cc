#include "drill/fit.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "drill/calibration_curve.h"

namespace holdfast::drill {
namespace {

// Rows drawn from known coefficients: evidence 0 weighs 1.5, evidence 1 weighs 0.5, evidence 2
// speaks the wrong way, evidence 3 says nothing; prior -1.
std::vector<LabelledRow> DrawRows(int count, std::uint64_t seed) {
  Random random(seed);
  std::vector<LabelledRow> rows;
  for (int i = 0; i < count; ++i) {
    LabelledRow row;
    for (std::size_t j = 0; j < 4; ++j) row.evidence[j] = static_cast<float>(random.Normal());
    const double odds = -1 + 1.5 * row.evidence[0] + 0.5 * row.evidence[1] - row.evidence[2];
    row.is_hostile = random.Uniform() < 1 / (1 + std::exp(-odds));
    rows.push_back(row);
  }
  return rows;
}

TEST(FitCoefficients, FindsTheOnesTheRowsWereDrawnFrom) {
  auto rows = DrawRows(40'000, 1);
  for (LabelledRow& row : rows) {  // Turned, so that it speaks the right way.
    row.evidence[2] = -row.evidence[2];
  }
  const FittedCoefficients fit = FitCoefficients(rows, {});
  EXPECT_TRUE(fit.has_converged);
  EXPECT_NEAR(fit.prior, -1, 0.06);
  EXPECT_NEAR(fit.coefficient[0], 1.5, 0.06);
  EXPECT_NEAR(fit.coefficient[1], 0.5, 0.06);
  EXPECT_NEAR(fit.coefficient[2], 1, 0.06);
  EXPECT_NEAR(fit.coefficient[3], 0, 0.05);
  EXPECT_EQ(fit.coefficient[4], 0);
}

TEST(FitCoefficients, NeverTurnsEvidenceRound) {
  const FittedCoefficients fit = FitCoefficients(DrawRows(5'000, 2), {});
  EXPECT_EQ(fit.coefficient[2], 0);
  EXPECT_GT(fit.coefficient[0], 0.5);
}

TEST(FitCoefficients, StaysFiniteWhereEvidenceSeparatesTheLabels) {
  std::vector<LabelledRow> rows(100);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].is_hostile = i % 2 == 0;
    rows[i].evidence[0] = i % 2 == 0 ? 5.0F : -5.0F;
  }
  const FittedCoefficients fit = FitCoefficients(rows, {.l2 = 1});
  EXPECT_TRUE(fit.has_converged);
  EXPECT_GT(fit.coefficient[0], 0.3);
  EXPECT_LT(fit.coefficient[0], 3);
}

TEST(FitCoefficients, IsTheSameToTheBit) {
  const auto rows = DrawRows(3'000, 3);
  const FittedCoefficients first = FitCoefficients(rows, {});
  const FittedCoefficients second = FitCoefficients(rows, {});
  EXPECT_EQ(first.prior, second.prior);
  EXPECT_EQ(first.coefficient, second.coefficient);
  EXPECT_EQ(FitCoefficients({}, {}).prior, 0);
}

TEST(CalibrationCurve, SetsWhatWasSaidBesideWhatWasSo) {
  std::vector<Prediction> predictions;
  for (int i = 0; i < 100; ++i) {
    predictions.push_back({.probability = 0.85, .is_hostile = i < 85});
    predictions.push_back({.probability = 0.05, .is_hostile = i < 25, .weight = 2});
  }
  const auto curve = ReliabilityCurve(predictions);
  ASSERT_EQ(curve.size(), 2U);
  EXPECT_DOUBLE_EQ(curve[0].weight, 200);
  EXPECT_NEAR(curve[0].stated, 0.05, 1e-12);
  EXPECT_NEAR(curve[0].hostile, 0.25, 1e-12);
  EXPECT_NEAR(curve[1].hostile, 0.85, 1e-12);
  EXPECT_NEAR(CalibrationError(curve), 0.2 * 2 / 3, 1e-12);
}

TEST(CalibrationCurve, ScoresByTheMeanSquareOfError) {
  EXPECT_EQ(BrierScore({}), 0);
  const std::vector<Prediction> predictions = {{.probability = 1, .is_hostile = true},
                                               {.probability = 1, .is_hostile = false},
                                               {.probability = 0.5, .weight = 2}};
  EXPECT_DOUBLE_EQ(BrierScore(predictions), (0 + 1 + 2 * 0.25) / 4);
}

}  // namespace
}  // namespace holdfast::drill
