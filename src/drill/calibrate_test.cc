#include "drill/calibrate.h"

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::drill {
namespace {

TEST(Calibrate, FitsOnSomeSeedsAndTellsClientsApartOnOthers) {
  const std::vector<CalibrationRow> rows = CollectRows(1, 6, {IncidentTraffic{}}, 1);
  const std::vector<CalibrationRow> others = CollectRows(7, 12, {IncidentTraffic{}}, 2);
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
    return CalibrationToText(FitCalibration(CollectRows(1, 3, {IncidentTraffic{}}, threads), 10));
  };
  const std::string once = text(1);
  EXPECT_EQ(once, text(3));
  for (int i = 0; i < guard::kDetectorCount; ++i) {
    EXPECT_NE(once.find(guard::DetectorWord(static_cast<guard::Detector>(i))), std::string::npos);
  }
}

TEST(Calibrate, AFitMayBeMadeWithoutADetector) {
  const std::vector<CalibrationRow> rows = CollectRows(1, 3, {IncidentTraffic{}}, 1);
  const auto seen = static_cast<std::size_t>(guard::Detector::kSeenBefore);
  EXPECT_GT(FitCalibration(rows, 10).coefficient[seen], 0);
  EXPECT_EQ(FitCalibration(rows, 10, guard::Detector::kSeenBefore).coefficient[seen], 0);
}

TEST(Calibrate, TakesADetectorOutOfThoseInForceByItsName) {
  constexpr auto kSeen = static_cast<std::size_t>(guard::Detector::kSeenBefore);
  const auto without = InForceWithout("seen_before");
  ASSERT_TRUE(without);
  for (std::size_t i = 0; i < without->coefficient.size(); ++i) {
    EXPECT_EQ(without->coefficient[i], i == kSeen ? 0 : guard::kCalibration.coefficient[i]);
  }
  EXPECT_FALSE(InForceWithout("seen"));
}

TEST(Calibrate, PoolsTheIncidentsOfEachTraffic) {
  const auto requests = std::make_shared<const std::vector<TracedRequest>>(
      400, TracedRequest{.prompt_tokens = 900, .output_tokens = 150});
  const IncidentTraffic alone, traced{.trace = requests};
  const std::vector<CalibrationRow> rows = CollectRows(1, 2, {alone, traced}, 2);
  const std::size_t without = CollectRows(1, 2, {alone}, 1).size();
  ASSERT_EQ(rows.size(), without + CollectRows(1, 2, {traced}, 1).size());
  const auto is_traced = [](const CalibrationRow& row) { return row.kind == CallerKind::kTraced; };
  const auto first_traced = std::ranges::find_if(rows, is_traced);
  EXPECT_GE(static_cast<std::size_t>(first_traced - rows.begin()), without);
  EXPECT_NE(first_traced, rows.end());
}

// A new account that a trace brings is no old acquaintance of the service.
TEST(Calibrate, KnowsOnlyTheCallersThatTheServiceKnows) {
  const auto requests = std::make_shared<const std::vector<TracedRequest>>(
      400, TracedRequest{.prompt_tokens = 900, .output_tokens = 150});
  std::set<float> seen;
  for (const CalibrationRow& row : CollectRows(1, 1, {{.trace = requests}}, 1)) {
    if (row.kind != CallerKind::kTraced || row.moment != 0) continue;
    seen.insert(row.row.evidence[static_cast<std::size_t>(guard::Detector::kSeenBefore)]);
  }
  EXPECT_TRUE(seen.contains(0.0F));
  EXPECT_TRUE(seen.contains(-2.0F));
}

TEST(Calibrate, ReportsSayHowFarProbabilitiesCanBeBelieved) {
  const CalibrationReport report =
      Evaluate(CollectRows(2, 3, {IncidentTraffic{}}, 1), guard::kCalibration);
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
