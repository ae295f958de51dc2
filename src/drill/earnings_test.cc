#include "drill/earnings.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::drill {
namespace {

using guard::Detector;

constexpr auto kTelling = static_cast<std::size_t>(Detector::kSourceRate);
constexpr auto kIdle = static_cast<std::size_t>(Detector::kCostAtLimits);

// Of each seed as many flooders, whom one detector tells apart, as regulars; a second detector sees
// the same in both.
std::vector<CalibrationRow> Rows(std::uint64_t first, std::uint64_t last) {
  std::vector<CalibrationRow> rows;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    for (int i = 0; i < 40; ++i) {
      CalibrationRow row{.seed = seed};
      row.row.is_hostile = i % 2 == 0;
      row.kind = row.row.is_hostile ? CallerKind::kSourceFlood : CallerKind::kRegular;
      row.row.evidence[kTelling] = row.row.is_hostile ? 3 : 0;
      row.row.evidence[kIdle] = static_cast<float>(i % 4 / 2);
      rows.push_back(row);
    }
  }
  return rows;
}

const Earning& Of(const std::vector<Earning>& earnings, Detector detector) {
  return earnings[static_cast<std::size_t>(detector)];
}

TEST(Earnings, WhatTellsHostileFromHonestIsEarned) {
  const std::vector<Earning> earnings = MeasureEarnings(Rows(1, 8), Rows(11, 18), 1, 1);
  const Earning& telling = Of(earnings, Detector::kSourceRate);
  EXPECT_TRUE(telling.IsEarned());
  EXPECT_GT(telling.brier.mean, 0.1);
  EXPECT_EQ(telling.brier.seeds, 8);
}

TEST(Earnings, WhatSeesTheSameInBothIsNot) {
  const std::vector<Earning> earnings = MeasureEarnings(Rows(1, 8), Rows(11, 18), 1, 1);
  const Earning& idle = Of(earnings, Detector::kCostAtLimits);
  EXPECT_FALSE(idle.IsEarned());
  EXPECT_NEAR(idle.brier.mean, 0, 0.01);
  EXPECT_FALSE(Of(earnings, Detector::kHandshakes).IsEarned());
}

TEST(Earnings, AreTheSameOnAnyCountOfThreads) {
  const auto text = [](int threads) {
    return EarningsToText(MeasureEarnings(Rows(1, 4), Rows(11, 14), 1, threads));
  };
  EXPECT_EQ(text(1), text(3));
}

struct CompareCase {
  const char* name;
  CallerKind kind;
  double odds_with;
  double odds_without;
  std::uint64_t seeds;
  bool is_earned;
};

class EarningsOf : public testing::TestWithParam<CompareCase> {};

// One client a seed, whose odds are its evidence.
TEST_P(EarningsOf, IsWhatFallsWithoutTheDetector) {
  const CompareCase& param = GetParam();
  std::vector<CalibrationRow> rows;
  for (std::uint64_t seed = 0; seed < param.seeds; ++seed) {
    CalibrationRow row{.kind = param.kind, .seed = seed};
    row.row.is_hostile = IsHostile(param.kind);
    row.row.evidence[kTelling] = 1;
    rows.push_back(row);
  }
  guard::Calibration with = guard::kCalibration, without = guard::kCalibration;
  with.prior = without.prior = 0;
  with.coefficient[kTelling] = param.odds_with;
  without.coefficient[kTelling] = param.odds_without;
  EXPECT_EQ(Compare(rows, with, without).IsEarned(), param.is_earned);
}

INSTANTIATE_TEST_SUITE_P(
    All, EarningsOf,
    testing::Values(CompareCase{"AnAttackerNoLongerFound", CallerKind::kSourceFlood, 2, -2, 10,
                                true},
                    CompareCase{"AVisitorNowAccused", CallerKind::kVisitor, -2, 2, 10, true},
                    CompareCase{"AVisitorNoLongerAccused", CallerKind::kVisitor, 2, -2, 10, false},
                    CompareCase{"AnAttackerNowFound", CallerKind::kSourceFlood, -2, 2, 10, false},
                    CompareCase{"NothingChanged", CallerKind::kSourceFlood, 2, 2, 10, false},
                    CompareCase{"OneSeedProvesNothing", CallerKind::kSourceFlood, 2, -2, 1, false}),
    [](const auto& info) { return info.param.name; });

TEST(Earnings, ErrorsAreOverSeedsNotClients) {
  std::vector<CalibrationRow> rows;
  for (std::uint64_t seed = 0; seed < 2; ++seed) {
    for (int i = 0; i < 1000; ++i) {
      CalibrationRow row{.kind = CallerKind::kVisitor, .seed = seed};
      row.row.evidence[kTelling] = seed == 0 ? 1 : 0;
      rows.push_back(row);
    }
  }
  guard::Calibration with = guard::kCalibration, without = guard::kCalibration;
  with.prior = without.prior = -1;
  with.coefficient[kTelling] = 0;
  without.coefficient[kTelling] = 2;
  const Earning earning = Compare(rows, with, without);
  EXPECT_DOUBLE_EQ(earning.crowd_accused.mean, 0.5);
  EXPECT_DOUBLE_EQ(earning.crowd_accused.error, 0.5);
  EXPECT_FALSE(earning.crowd_accused.IsRise());
}

TEST(Earnings, AreSaidForEachDetectorByName) {
  const std::vector<Earning> earnings = MeasureEarnings(Rows(1, 2), Rows(11, 12), 1, 1);
  const std::string text = EarningsToText(earnings);
  const std::string json = json::Write(EarningsToJson(earnings));
  for (int i = 0; i < guard::kDetectorCount; ++i) {
    const std::string word(guard::DetectorWord(static_cast<Detector>(i)));
    EXPECT_NE(text.find(word), std::string::npos) << word;
    EXPECT_NE(json.find(word), std::string::npos) << word;
  }
  EXPECT_EQ(Compare({}, guard::kCalibration, guard::kCalibration).brier.seeds, 0);
}

}  // namespace
}  // namespace holdfast::drill
