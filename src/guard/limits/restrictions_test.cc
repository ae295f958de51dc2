#include "guard/limits/restrictions.h"

#include <vector>

#include <gtest/gtest.h>

namespace holdfast::guard {
namespace {

constexpr std::uint64_t kOperator = 77;

RestrictionProposal Refuse(std::uint64_t address, double term_s) {
  return {.scope = {ScopeKind::kAddress, address},
          .action = RestrictionAction::kRefuse,
          .rule = "source_rate",
          .evidence = {{{"source_rate", 40, 5.5}}},
          .term = FromSeconds(term_s)};
}

std::vector<RestrictionRecord> Drain(Restrictions& restrictions) {
  std::vector<RestrictionRecord> records;
  restrictions.DrainRecords(records);
  return records;
}

TEST(Restrictions, CarryRuleEvidenceAndEnd) {
  Restrictions restrictions;
  const RestrictionId id = restrictions.Impose(Refuse(1, 60), AtSeconds(10));
  const Restriction* found = restrictions.Find({.address = 1}, Standing::kNew, AtSeconds(20));
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->id, id);
  EXPECT_EQ(found->what.rule, "source_rate");
  EXPECT_EQ(found->what.evidence[0].detector, "source_rate");
  EXPECT_EQ(found->since, AtSeconds(10));
  EXPECT_EQ(found->expires, AtSeconds(70));
  EXPECT_EQ(restrictions.Find({.address = 2}, Standing::kNew, AtSeconds(20)), nullptr);
}

TEST(Restrictions, EndByThemselvesAndSaySo) {
  Restrictions restrictions;
  restrictions.Impose(Refuse(1, 60), AtSeconds(0));
  EXPECT_EQ(restrictions.Find({.address = 1}, Standing::kNew, AtSeconds(60)), nullptr);
  restrictions.Expire(AtSeconds(60));
  const auto records = Drain(restrictions);
  ASSERT_EQ(records.size(), 2);
  EXPECT_EQ(records[1].event, RestrictionEvent::kExpired);
  EXPECT_EQ(records[1].restriction.what.rule, "source_rate");
}

TEST(Restrictions, HaveNoTermBeyondTheLongest) {
  Restrictions restrictions({.term_max = FromSeconds(100)});
  restrictions.Impose(Refuse(1, 1e6), AtSeconds(0));
  EXPECT_EQ(restrictions.List(AtSeconds(1))[0].expires, AtSeconds(100));
}

TEST(Restrictions, UndoIsOneCallLeavesARecordAndPardons) {
  Restrictions restrictions({.pardon = FromSeconds(600)});
  const RestrictionId id = restrictions.Impose(Refuse(1, 60), AtSeconds(0));
  EXPECT_TRUE(restrictions.Undo(id, AtSeconds(5), kOperator));
  EXPECT_FALSE(restrictions.Undo(id, AtSeconds(6), kOperator));
  EXPECT_EQ(restrictions.Find({.address = 1}, Standing::kNew, AtSeconds(5)), nullptr);
  EXPECT_TRUE(restrictions.List(AtSeconds(5)).empty());

  EXPECT_EQ(restrictions.Impose(Refuse(1, 60), AtSeconds(7)), 0);
  EXPECT_NE(restrictions.Impose(Refuse(1, 60), AtSeconds(605)), 0);

  const auto records = Drain(restrictions);
  ASSERT_EQ(records.size(), 3);
  EXPECT_EQ(records[1].event, RestrictionEvent::kUndone);
  EXPECT_EQ(records[1].by, kOperator);
  EXPECT_EQ(records[1].time, AtSeconds(5));
  EXPECT_EQ(records[1].restriction.id, id);
}

TEST(Restrictions, AProposalWithEveryRequestRenewsOnceInAWhile) {
  Restrictions restrictions;
  const RestrictionId id = restrictions.Impose(Refuse(1, 60), AtSeconds(0));
  for (int i = 1; i <= 100; ++i) {
    EXPECT_EQ(restrictions.Impose(Refuse(1, 60), AtSeconds(i)), id);
  }
  const auto records = Drain(restrictions);
  EXPECT_EQ(records.size(), 4);  // At 0, 31, 62 and 93 s.
  EXPECT_EQ(restrictions.List(AtSeconds(100))[0].expires, AtSeconds(93 + 60));
}

TEST(Restrictions, AnotherActionReplacesTheFirstAtOnce) {
  Restrictions restrictions;
  const RestrictionId id = restrictions.Impose(Refuse(1, 60), AtSeconds(0));
  RestrictionProposal slow = Refuse(1, 10);
  slow.action = RestrictionAction::kSlow;
  EXPECT_EQ(restrictions.Impose(slow, AtSeconds(1)), id);
  const auto list = restrictions.List(AtSeconds(1));
  ASSERT_EQ(list.size(), 1);
  EXPECT_EQ(list[0].what.action, RestrictionAction::kSlow);
  EXPECT_EQ(list[0].expires, AtSeconds(60));
}

TEST(Restrictions, TheStrongestSpeaks) {
  Restrictions restrictions;
  RestrictionProposal challenge = Refuse(5, 60);
  challenge.scope = {ScopeKind::kFingerprint, 5};
  challenge.action = RestrictionAction::kChallenge;
  restrictions.Impose(challenge, AtSeconds(0));
  const RestrictionId refuse = restrictions.Impose(Refuse(1, 60), AtSeconds(0));
  const Caller caller{.address = 1, .fingerprint = 5};
  EXPECT_EQ(restrictions.Find(caller, Standing::kNew, AtSeconds(1))->id, refuse);
}

TEST(Restrictions, HistoryPassesWhatIsPutOnASharedScope) {
  Restrictions restrictions;
  restrictions.Impose(Refuse(1, 60), AtSeconds(0));
  const Caller caller{.address = 1, .account = 9};
  EXPECT_NE(restrictions.Find(caller, Standing::kNew, AtSeconds(1)), nullptr);
  EXPECT_EQ(restrictions.Find(caller, Standing::kHistory, AtSeconds(1)), nullptr);

  RestrictionProposal own = Refuse(9, 60);
  own.scope = {ScopeKind::kAccount, 9};
  restrictions.Impose(own, AtSeconds(1));
  EXPECT_NE(restrictions.Find(caller, Standing::kHistory, AtSeconds(2)), nullptr);
}

TEST(Restrictions, FullTheOneThatEndsSoonestMakesRoom) {
  Restrictions restrictions({.restrictions_max = 3, .records_max = 16});
  const std::size_t bytes = restrictions.state_bytes();
  for (const double term_s : {50.0, 20.0, 40.0, 30.0}) {
    restrictions.Impose(Refuse(static_cast<std::uint64_t>(term_s), term_s), AtSeconds(0));
  }
  EXPECT_EQ(restrictions.size(), 3);
  EXPECT_EQ(restrictions.state_bytes(), bytes);
  EXPECT_EQ(restrictions.Find({.address = 20}, Standing::kNew, AtSeconds(1)), nullptr);
  EXPECT_NE(restrictions.Find({.address = 30}, Standing::kNew, AtSeconds(1)), nullptr);
  const auto records = Drain(restrictions);
  EXPECT_EQ(records[3].event, RestrictionEvent::kDisplaced);
  EXPECT_EQ(records[3].restriction.what.scope.name, 20);
}

TEST(Restrictions, RecordsComeInOrderAndGapsShow) {
  Restrictions restrictions({.restrictions_max = 100, .records_max = 4});
  for (std::uint64_t address = 1; address <= 10; ++address) {
    restrictions.Impose(Refuse(address, 60), AtSeconds(static_cast<double>(address)));
  }
  const auto records = Drain(restrictions);
  ASSERT_EQ(records.size(), 4);
  for (std::size_t i = 0; i < records.size(); ++i) EXPECT_EQ(records[i].number, 7 + i);
  EXPECT_EQ(restrictions.records_lost(), 6);
  EXPECT_TRUE(Drain(restrictions).empty());
}

}  // namespace
}  // namespace holdfast::guard
