#include "drill/calibrate.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::drill {
namespace {

TEST(Calibrate, FitsOnSomeSeedsAndTellsClientsApartOnOthers) {
  const std::vector<CalibrationRow> rows = CollectRows(1, 6, {}, 1);
  const std::vector<CalibrationRow> others = CollectRows(7, 12, {}, 2);
  ASSERT_GT(rows.size(), 1000u);
  const guard::Calibration fitted = FitCalibration(rows, 10);
  const CalibrationReport report = Evaluate(others, fitted);
  EXPECT_EQ(report.first_seed, 7u);
  EXPECT_EQ(report.last_seed, 12u);
  // Without evidence it would be about a quarter.
  EXPECT_LT(report.brier_mean, 0.12);
  for (const double coefficient : fitted.coefficient) EXPECT_GE(coefficient, 0);
}

TEST(Calibrate, SameSeedsGiveTheSameNumbersOnAnyCountOfThreads) {
  const auto text = [](int threads) {
    return CalibrationToText(FitCalibration(CollectRows(1, 3, {}, threads), 10));
  };
  const std::string once = text(1);
  EXPECT_EQ(once, text(3));
  for (int i = 0; i < guard::kDetectorCount; ++i) {
    EXPECT_NE(once.find(guard::DetectorWord(static_cast<guard::Detector>(i))), std::string::npos);
  }
}

TEST(Calibrate, ReportsSayHowFarProbabilitiesCanBeBelieved) {
  const CalibrationReport report = Evaluate(CollectRows(2, 3, {}, 1), guard::kCalibration);
  const json::Object object = ReportToJson(report);
  for (const char* name : {"brier", "brier_by_moment", "curve", "kinds", "crowd_accused_share"}) {
    EXPECT_TRUE(object.contains(name)) << name;
  }
  EXPECT_NE(ReportToText(report).find("regular"), std::string::npos);
  EXPECT_TRUE(CalibrationToJson(guard::kCalibration).contains("coefficients"));
  EXPECT_EQ(Evaluate({}, guard::kCalibration).brier_mean, 0);
}

}  // namespace
}  // namespace holdfast::drill
