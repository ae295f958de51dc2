#include "server/decision_desk.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "net/io_threads.h"
#include "server/decision_id.h"

namespace holdfast::server {
namespace {

constexpr std::int64_t kStartMs = 1'800'000'000'000;

// A live door, and programs that go on asking whatever they are told.
class DecisionDeskTest : public ::testing::Test {
 protected:
  ~DecisionDeskTest() override { threads_.Stop(); }

  static guard::DoorOptions Options() {
    guard::DoorOptions options;
    options.limits = guard::ServiceLimits();
    options.limits.restrictions.last_id = LastDecisionBefore(kStartMs);
    return options;
  }

  // What this address is told in the end, which goes on for so long that it is limited.
  api::ApiError HammerFrom(std::uint64_t address) {
    constexpr int kRequestsMax = 5000;
    api::ApiError last;
    for (int i = 0; i < kRequestsMax; ++i) {
      guard::RequestFacts facts;
      facts.caller.address = address;
      facts.caller.prefix = address;
      facts.route = guard::Route::kRegister;
      const auto asked = door_.Ask(facts, threads_.executor(0));
      if (!asked) last = asked.error();
      if (last.decision) break;
    }
    return last;
  }

  metrics::Registry registry_;
  net::IoThreads threads_{1};
  LiveDoor door_{guard::Door(Options()),
                 [] { return guard::EngineReport{.workers_up = 1}; },
                 registry_,
                 nullptr,
                 DoorClock(),
                 "guard@example.org"};
  const crypto::HashKey key_ = crypto::HashKey::Random();
  std::vector<audit::Event> written_;
  bool is_log_full_ = false;
  DecisionDesk desk_{door_,
                     [this](const audit::Event& event) -> accounts::Outcome<void> {
                       if (is_log_full_) return accounts::Refuse(Reason::kStoreDown);
                       EXPECT_TRUE(audit::CheckEvent(event));
                       written_.push_back(event);
                       return {};
                     },
                     key_};
};

TEST_F(DecisionDeskTest, WhoeverIsLimitedIsToldRuleEndAndHowToObject) {
  const api::ApiError error = HammerFrom(7);
  ASSERT_TRUE(error.decision);
  EXPECT_EQ(error.decision->rule, "ignores_refusals");
  EXPECT_EQ(error.decision->objection, "guard@example.org");
  const auto found = desk_.Find(error.decision->id);
  ASSERT_TRUE(found) << "an operator finds it by what its client was told";
  EXPECT_NEAR(static_cast<double>(found->expires_at),
              static_cast<double>(error.decision->expires_at), 100);
  EXPECT_GT(found->expires_at, found->since);
  EXPECT_EQ(found->scope, "address");
  EXPECT_EQ(found->name, "0000000000000007");
  ASSERT_EQ(found->evidence.size(), 1u);
  EXPECT_EQ(found->evidence[0].detector, "refusals");
  EXPECT_GE(found->evidence[0].value, 1000);

  const std::string body = api::ErrorText(error, api::Dialect::kOpenAi, "req_1");
  for (const std::string& said :
       {error.decision->id, error.decision->rule, error.decision->objection}) {
    EXPECT_NE(body.find("\"" + said + "\""), std::string::npos) << body;
    EXPECT_NE(body.find(said + (said == error.decision->objection ? "." : "")), std::string::npos);
  }
}

TEST_F(DecisionDeskTest, UndoLetsInAtOnceWritesItDownBeforeAndPardons) {
  const std::string id = HammerFrom(7).decision.value().id;
  ASSERT_TRUE(desk_.Undo(id, "acc-1"));
  ASSERT_EQ(written_.size(), 1u);
  EXPECT_EQ(written_[0].kind, audit::EventKind::kRestrictionUndone);
  EXPECT_EQ(written_[0].actor, "acc-1");
  EXPECT_EQ(written_[0].subject, id);

  EXPECT_TRUE(desk_.List("", false).decisions.empty());
  const auto ended = desk_.List("", true).decisions;
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].state, "undone");
  EXPECT_EQ(ended[0].ended_by, "acc-1");
  EXPECT_TRUE(ended[0].ended_at);
  EXPECT_FALSE(HammerFrom(7).decision) << "the same rule does not simply speak again";
  EXPECT_EQ(desk_.Undo(id, "acc-1").error().reason, Reason::kNotFound);
  EXPECT_EQ(written_.size(), 1u);
}

TEST_F(DecisionDeskTest, UndoesNothingThatCannotBeWrittenDown) {
  const std::string id = HammerFrom(7).decision.value().id;
  is_log_full_ = true;
  EXPECT_EQ(desk_.Undo(id, "acc-1").error().reason, Reason::kStoreDown);
  EXPECT_EQ(desk_.Find(id)->state, "in_force");
}

TEST_F(DecisionDeskTest, ListsInPagesTheNewestFirst) {
  constexpr std::uint64_t kCount = 5;
  for (std::uint64_t address = 1; address <= kCount; ++address) HammerFrom(address);
  std::vector<std::string> names;
  std::string cursor;
  while (true) {
    const api::GuardPage page = desk_.List(cursor, false, 2);
    EXPECT_LE(page.decisions.size(), 2u);
    for (const api::GuardDecision& one : page.decisions) names.push_back(one.name.substr(15));
    if (!page.next) break;
    cursor = *page.next;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"5", "4", "3", "2", "1"}));
}

TEST_F(DecisionDeskTest, FindsNothingByWhatIsNoId) {
  HammerFrom(7);
  for (const char* text :
       {"", "dec_", "dec_0", "dec_x", "dec_1", "1", "dec_-1", "dec_ffffffffffffffffffff"}) {
    EXPECT_FALSE(desk_.Find(text)) << text;
    EXPECT_EQ(desk_.Undo(text, "acc-1").error().reason, Reason::kNotFound) << text;
  }
  EXPECT_TRUE(written_.empty());
}

TEST(DecisionId, IsReadAsItWasWritten) {
  for (const guard::RestrictionId id :
       {guard::RestrictionId{1}, LastDecisionBefore(kStartMs) + 7, ~guard::RestrictionId{0}}) {
    EXPECT_EQ(FindDecisionId(DecisionId(id)), id);
  }
  EXPECT_LT(LastDecisionBefore(kStartMs) + 1'000'000, LastDecisionBefore(kStartMs + 1000));
}

}  // namespace
}  // namespace holdfast::server
