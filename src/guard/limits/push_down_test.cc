#include "guard/limits/push_down.h"

#include <vector>

#include <gtest/gtest.h>

namespace holdfast::guard {
namespace {

RestrictionProposal PushDownFor(std::uint64_t address, double term_s) {
  return {.scope = {ScopeKind::kAddress, address},
          .action = RestrictionAction::kPushDown,
          .rule = "ignores_refusals",
          .term = FromSeconds(term_s)};
}

// Restrictions with a list that follows them, as the gateway keeps them.
struct Followed {
  void Follow(Time now) {
    restrictions.Expire(now);
    std::vector<RestrictionRecord> records;
    restrictions.DrainRecords(records);
    for (const RestrictionRecord& record : records) list.OnRecord(record);
    list.Expire(now);
  }
  std::vector<PushDownChange> Changes() {
    std::vector<PushDownChange> changes;
    list.DrainChanges(changes);
    return changes;
  }

  Restrictions restrictions;
  PushDownList list{4, 16};
};

TEST(PushDown, AnAddressIsListedOnceWithItsReasonUntilItsEnd) {
  Followed followed;
  const RestrictionId id = followed.restrictions.Impose(PushDownFor(1, 60), AtSeconds(0));
  followed.restrictions.Impose(PushDownFor(1, 60), AtSeconds(40));
  followed.Follow(AtSeconds(41));
  const auto list = followed.list.List(AtSeconds(41));
  ASSERT_EQ(list.size(), 1);
  EXPECT_EQ(list[0].rule, "ignores_refusals");
  EXPECT_EQ(list[0].restriction, id);
  EXPECT_EQ(list[0].until, AtSeconds(100));

  followed.Follow(AtSeconds(100));
  EXPECT_FALSE(followed.list.Contains(1, AtSeconds(100)));
  const auto changes = followed.Changes();
  ASSERT_EQ(changes.size(), 3);
  EXPECT_TRUE(changes[1].is_added);
  EXPECT_FALSE(changes[2].is_added);
}

TEST(PushDown, UndoingTheRestrictionTakesItOffTheList) {
  Followed followed;
  const RestrictionId id = followed.restrictions.Impose(PushDownFor(1, 60), AtSeconds(0));
  followed.Follow(AtSeconds(1));
  EXPECT_TRUE(followed.list.Contains(1, AtSeconds(1)));
  followed.restrictions.Undo(id, AtSeconds(2), 77);
  followed.Follow(AtSeconds(2));
  EXPECT_FALSE(followed.list.Contains(1, AtSeconds(2)));
}

TEST(PushDown, OnlyAddressesGoToTheKernel) {
  Followed followed;
  RestrictionProposal prefix = PushDownFor(1, 60);
  prefix.scope.kind = ScopeKind::kPrefix;
  followed.restrictions.Impose(prefix, AtSeconds(0));
  RestrictionProposal refuse = PushDownFor(2, 60);
  refuse.action = RestrictionAction::kRefuse;
  followed.restrictions.Impose(refuse, AtSeconds(0));
  followed.Follow(AtSeconds(1));
  EXPECT_EQ(followed.list.size(), 0);
}

TEST(PushDown, AWeakerActionTakesItOffTheList) {
  Followed followed;
  followed.restrictions.Impose(PushDownFor(1, 60), AtSeconds(0));
  RestrictionProposal refuse = PushDownFor(1, 60);
  refuse.action = RestrictionAction::kRefuse;
  followed.restrictions.Impose(refuse, AtSeconds(1));
  followed.Follow(AtSeconds(1));
  EXPECT_EQ(followed.list.size(), 0);
}

TEST(PushDown, FullTheOneThatEndsSoonestMakesRoom) {
  Followed followed;
  const std::size_t bytes = followed.list.state_bytes();
  for (const double term_s : {50.0, 20.0, 40.0, 60.0, 30.0, 10.0}) {
    followed.restrictions.Impose(PushDownFor(static_cast<std::uint64_t>(term_s), term_s),
                                 AtSeconds(0));
  }
  followed.Follow(AtSeconds(1));
  EXPECT_EQ(followed.list.size(), 4);
  EXPECT_EQ(followed.list.state_bytes(), bytes);
  EXPECT_FALSE(followed.list.Contains(10, AtSeconds(1)));
  EXPECT_FALSE(followed.list.Contains(20, AtSeconds(1)));
  EXPECT_TRUE(followed.list.Contains(30, AtSeconds(1)));
}

}  // namespace
}  // namespace holdfast::guard
