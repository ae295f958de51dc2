#include "conversations/shares.h"

#include "conversations/testing/with_tables.h"

namespace holdfast::conversations {
namespace {

using testing::KeyOf;

class SharesTest : public testing::WithTables {
 protected:
  Shares NewShares() { return {database(), KeyOf, Clock()}; }
};
INSTANTIATE_TEST_SUITE_P(Stores, SharesTest, store::testing::kBoth, store::testing::KindName);

TEST_P(SharesTest, AnyoneWithTheLinkSeesTheConversationAsItWas) {
  History history = NewHistory();
  Shares shares = NewShares();
  const auto [id, question] = Ask("ada", "q");
  ASSERT_TRUE(history.Change("ada", id, {.folder = "private"}));
  ASSERT_TRUE(
      history.Add("ada", id, {.parent = question, .role = Role::kAssistant, .content = "a draft"}));
  ASSERT_TRUE(history.Add(
      "ada", id,
      {.parent = question, .role = Role::kAssistant, .content = "an answer", .reasoning = "hm"}));
  const auto share = shares.Create("ada", id);
  ASSERT_TRUE(share) << share.error().message;
  ASSERT_TRUE(history.Add("ada", id, {.content = "later"}));
  ASSERT_TRUE(history.Change("ada", id, {.title = "renamed"}));

  const auto seen = shares.Open(share->token);
  ASSERT_TRUE(seen) << seen.error().message;
  EXPECT_EQ(seen->title, "title");
  EXPECT_EQ(seen->shared_at_ms, now_ms);
  ASSERT_EQ(seen->messages.size(), 2u) << "the last branch alone";
  EXPECT_EQ(seen->messages[0].content, "q");
  EXPECT_EQ(seen->messages[1].content, "an answer");
  EXPECT_EQ(seen->messages[1].reasoning, "hm");
  EXPECT_EQ((*shares.Find("ada", id))->token, share->token);
}

TEST_P(SharesTest, ALinkEndsWhenItIsRevokedReplacedOrItsConversationDeleted) {
  Shares shares = NewShares();
  const auto [id, question] = Ask("ada", "q");
  const auto first = shares.Create("ada", id);
  const auto second = shares.Create("ada", id);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(shares.Open(first->token).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(shares.Open(second->token));
  ASSERT_TRUE(shares.Revoke("ada", id));
  EXPECT_EQ(shares.Open(second->token).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(shares.Find("ada", id)->has_value(), false);
  const auto third = shares.Create("ada", id);
  ASSERT_TRUE(third);
  ASSERT_TRUE(NewHistory().DeleteAccount("ada"));
  EXPECT_EQ(shares.Open(third->token).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Count("shares"), 0);
}

TEST_P(SharesTest, AWrongLinkSaysNothing) {
  Shares shares = NewShares();
  const auto [id, question] = Ask("ada", "q");
  const auto share = shares.Create("ada", id);
  ASSERT_TRUE(share);
  std::string other = share->token;
  other.front() = other.front() == 'A' ? 'B' : 'A';
  for (const std::string& token :
       {std::string(), std::string("x"), other, share->token + "A", share->token.substr(1)}) {
    EXPECT_EQ(shares.Open(token).error().code, ErrorCode::kNotFound) << token;
  }
}

TEST_P(SharesTest, OnlyItsOwnerSharesAndOnlyWhatThereIs) {
  Shares shares = NewShares();
  const auto [id, question] = Ask("ada", "q");
  EXPECT_EQ(shares.Create("bob", id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(shares.Revoke("bob", id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(shares.Find("bob", id).error().code, ErrorCode::kNotFound);
  const std::string empty = NewHistory().Create("ada", "empty")->id;
  EXPECT_EQ(shares.Create("ada", empty).error().code, ErrorCode::kFailedPrecondition);
}

// The table alone opens no snapshot: neither its hash nor another snapshot in its place.
TEST_P(SharesTest, ASnapshotMovedToAnotherLinkDoesNotOpen) {
  Shares shares = NewShares();
  const auto [first, one] = Ask("ada", "one");
  const auto [second, two] = Ask("ada", "two");
  const auto a = shares.Create("ada", first);
  ASSERT_TRUE(a && shares.Create("ada", second));
  ASSERT_EQ(Execute("UPDATE shares SET snapshot = (SELECT snapshot FROM shares WHERE"
                    " conversation_id = :from) WHERE conversation_id = :to",
                    {second, first}),
            1);
  EXPECT_EQ(shares.Open(a->token).error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace holdfast::conversations
