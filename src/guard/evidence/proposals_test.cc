#include "guard/evidence/proposals.h"

#include <gtest/gtest.h>

namespace holdfast::guard {
namespace {

ClusterScore ScoreOf(double log_odds) {
  ClusterScore score{.log_odds = log_odds};
  score.llr[static_cast<std::size_t>(Detector::kNewcomers)] = 2;
  score.llr[static_cast<std::size_t>(Detector::kLowRateSwarm)] = 5;
  score.llr[static_cast<std::size_t>(Detector::kReadsPages)] = -1;
  return score;
}

TEST(Propose, CarriesRuleEvidenceAndEnd) {
  const RequestFacts facts{.caller = {.address = 3, .account = 7}};
  const auto proposal = Propose(ScoreOf(6), facts);
  ASSERT_TRUE(proposal.has_value());
  EXPECT_EQ(proposal->scope, (Scope{ScopeKind::kAccount, 7}));
  EXPECT_EQ(proposal->action, RestrictionAction::kRefuse);
  EXPECT_EQ(proposal->rule, kHostileClusterRule);
  EXPECT_EQ(proposal->evidence[0].detector, "low_rate_swarm");
  EXPECT_EQ(proposal->evidence[1].detector, "newcomers");
  EXPECT_EQ(proposal->evidence[2].detector, "");  // Nothing else speaks for "hostile".
  EXPECT_GT(proposal->term, Duration{0});
}

TEST(Propose, HasNothingToSayOfLikelyHonestClients) {
  EXPECT_FALSE(Propose(ScoreOf(1), {}).has_value());
}

TEST(Propose, NeverRefusesSomebodyWithHistory) {
  const RequestFacts facts{.caller = {.account = 7}, .standing = Standing::kHistory};
  EXPECT_EQ(Propose(ScoreOf(20), facts)->action, RestrictionAction::kChallenge);
}

TEST(Propose, AsksNobodyTwiceForAProofOfWork) {
  const RequestFacts facts{.caller = {.address = 3}, .paid_challenge = true};
  EXPECT_FALSE(Propose(ScoreOf(3), facts).has_value());
  EXPECT_EQ(Propose(ScoreOf(6), facts)->action, RestrictionAction::kRefuse);
}

}  // namespace
}  // namespace holdfast::guard
