#include "drill/score.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::drill {
namespace {

using ::testing::HasSubstr;
using verdict::Label;

JudgedCase Case(IncidentClass incident_class, Label label) {
  JudgedCase judged;
  judged.incident_class = incident_class;
  judged.label = label;
  judged.was_noticed = true;
  judged.first_verdict_s = 10;
  return judged;
}

TEST(Score, IsPerfectWhenEveryLabelIsRight) {
  std::vector<JudgedCase> cases;
  for (int i = 0; i < kIncidentClassCount; ++i) {
    const auto incident_class = static_cast<IncidentClass>(i);
    cases.push_back(Case(incident_class, LabelOf(incident_class)));
  }
  const Score score = ScoreCases(cases, 2);
  EXPECT_DOUBLE_EQ(score.macro_f1, 1);
  EXPECT_EQ(score.incidents, kIncidentClassCount);
  EXPECT_EQ(score.not_made, 2);
  EXPECT_DOUBLE_EQ(score.first_verdict_median_s, 10);
}

TEST(Score, CountsAnAttackClaimedOnceForACrowdThoughItWasTakenBack) {
  JudgedCase crowd = Case(IncidentClass::kCrowd, Label::kDemand);
  crowd.ever_claimed_attack = true;
  const Score score = ScoreCases({crowd, Case(IncidentClass::kCrowd, Label::kDemand)}, 0);
  EXPECT_EQ(score.crowds, 2);
  EXPECT_EQ(score.crowds_called_attack, 1);
}

TEST(Score, F1FallsWithMissesAndWithFalseClaims) {
  const Score score = ScoreCases(
      {Case(IncidentClass::kAttack, Label::kAttack), Case(IncidentClass::kAttack, Label::kMixed),
       Case(IncidentClass::kCrowd, Label::kAttack)},
      0);
  // One right, one missed, one claimed wrongly: 2 / (2 + 1 + 1).
  EXPECT_EQ(score.f1[static_cast<int>(IncidentClass::kAttack)], 0.5);
  // Beside it the crowd and the mixed one, both missed; the other classes are no part of the mean.
  EXPECT_EQ(score.f1[static_cast<int>(IncidentClass::kUnknown)], std::nullopt);
  EXPECT_DOUBLE_EQ(score.macro_f1, 0.5 / 3);
  EXPECT_EQ(
      score.confusion[static_cast<int>(IncidentClass::kCrowd)][static_cast<int>(Label::kAttack)],
      1);
}

TEST(Score, ShareErrorIsTheMeanOverCausesInPoints) {
  JudgedCase judged = Case(IncidentClass::kMixed, Label::kMixed);
  judged.true_shares = {0.5, 0.5, 0.0};
  judged.shares = {0.6, 0.3, 0.1};
  judged.has_shares = true;
  const Score score = ScoreCases({judged}, 0);
  EXPECT_NEAR(score.share_error_mean, 100 * (0.1 + 0.2 + 0.1) / 3, 1e-9);
  EXPECT_EQ(score.share_cases, 1);
}

TEST(Score, MergesReliabilityByWeight) {
  JudgedCase one = Case(IncidentClass::kCrowd, Label::kDemand);
  one.reliability = {{.stated = 0.02, .hostile = 0.0, .weight = 30}};
  JudgedCase other = one;
  other.reliability = {{.stated = 0.06, .hostile = 0.2, .weight = 10}};
  const Score score = ScoreCases({one, other}, 0);
  ASSERT_EQ(score.reliability.size(), 1u);
  EXPECT_NEAR(score.reliability[0].stated, 0.03, 1e-12);
  EXPECT_NEAR(score.reliability[0].hostile, 0.05, 1e-12);
  EXPECT_DOUBLE_EQ(score.reliability[0].weight, 40);
  EXPECT_NEAR(score.calibration_error, 0.02, 1e-12);
  EXPECT_THAT(json::Write(ScoreToJson(score)), HasSubstr("\"calibration_error\":"));
}

TEST(Score, OfNothingIsNoDivisionByZero) {
  const std::string json = json::Write(ScoreToJson(ScoreCases({}, 3)));
  EXPECT_THAT(json, HasSubstr("\"incidents\":0"));
  EXPECT_THAT(json, testing::Not(HasSubstr("nan")));
  EXPECT_THAT(ScoreToHtml(ScoreCases({}, 3)), HasSubstr("</html>"));
}

}  // namespace
}  // namespace holdfast::drill
