#include "conversations/temporary_chats.h"

#include <gtest/gtest.h>

namespace holdfast::conversations {
namespace {

class TemporaryChatsTest : public ::testing::Test {
 protected:
  std::string NewChat(std::string_view account = "ada") {
    ++now_ms_;
    return chats_.Create(account, "t")->id;
  }

  std::int64_t now_ms_ = 1'000'000'000;
  TemporaryChats chats_{[this] { return now_ms_; }};
};

TEST_F(TemporaryChatsTest, HoldsAConversationForItsAccountAlone) {
  const std::string id = NewChat();
  EXPECT_TRUE(TemporaryChats::IsTemporary(id));
  const auto question = chats_.Add("ada", id, {.content = "q"});
  ASSERT_TRUE(question);
  auto answer = chats_.Begin("ada", id, question->id, "m");
  ASSERT_TRUE(answer);
  ASSERT_TRUE(chats_.Append(*answer, {.content = "It ", .tokens = 1}));
  EXPECT_EQ(chats_.GetMessage("ada", id, answer->message_id)->state, MessageState::kStreaming);
  EXPECT_EQ(chats_.Resume("ada", id, answer->message_id).error().code,
            ErrorCode::kFailedPrecondition);
  ASSERT_TRUE(chats_.Finish(*answer, {.state = MessageState::kStopped}));
  EXPECT_EQ(chats_.Append(*answer, {.content = "x"}).error().code, ErrorCode::kNotFound);
  auto resumed = chats_.Resume("ada", id, answer->message_id);
  ASSERT_TRUE(resumed);
  ASSERT_TRUE(chats_.Finish(*resumed, {.last = {.content = "is.", .reasoning = "r", .tokens = 1}}));
  const auto tree = chats_.Get("ada", id);
  ASSERT_EQ(tree->messages.size(), 2u);
  EXPECT_EQ(tree->messages[1].content, "It is.");
  EXPECT_EQ(tree->messages[1].reasoning, "r");
  EXPECT_EQ(tree->messages[1].tokens, 2);
  EXPECT_EQ(tree->messages[1].parent, question->id);
  EXPECT_EQ(chats_.Get("bob", id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(chats_.Delete("bob", id).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(chats_.Delete("ada", id));
  EXPECT_EQ(chats_.Get("ada", id).error().code, ErrorCode::kNotFound);
}

TEST_F(TemporaryChatsTest, GoesAnHourAfterItWasLastUsed) {
  const std::string used = NewChat();
  const std::string unused = NewChat();
  now_ms_ += kTemporaryIdleMsMax - 10;
  EXPECT_TRUE(chats_.Get("ada", used));
  now_ms_ += 20;
  EXPECT_TRUE(chats_.Get("ada", used));
  EXPECT_EQ(chats_.Get("ada", unused).error().code, ErrorCode::kNotFound);
}

TEST_F(TemporaryChatsTest, TheOneUnusedForLongestMakesRoom) {
  const std::string other = NewChat("bob");
  std::vector<std::string> ids;
  for (std::size_t i = 0; i <= kTemporaryChatsOfAccountMax; ++i) ids.push_back(NewChat());
  EXPECT_FALSE(chats_.Get("ada", ids.front()));
  EXPECT_TRUE(chats_.Get("ada", ids[1]));
  EXPECT_TRUE(chats_.Get("bob", other)) << "another account's stays";
  now_ms_ += 1;
  for (std::size_t i = 0; i < kTemporaryChatsMax; ++i) NewChat(std::to_string(i));
  EXPECT_FALSE(chats_.Get("bob", other)) << "all are full";
}

TEST_F(TemporaryChatsTest, RefusesWhatIsOverALimit) {
  const std::string id = NewChat();
  EXPECT_EQ(chats_.Create("ada", std::string(kTitleBytesMax + 1, 't')).error().code,
            ErrorCode::kTooLarge);
  EXPECT_EQ(chats_.Add("ada", id, {.parent = "gone"}).error().code, ErrorCode::kInvalidArgument);
  const auto question = chats_.Add("ada", id, {.content = "q"});
  auto answer = chats_.Begin("ada", id, question->id, "m");
  const std::string large(kTemporaryBytesMax, 'x');
  EXPECT_EQ(chats_.Append(*answer, {.content = large}).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(chats_.Finish(*answer, {.last = {.content = large}})->content, "");
  EXPECT_EQ(chats_.Add("ada", id, {.content = large}).error().code, ErrorCode::kTooLarge);
  for (std::size_t i = 2; i < kTemporaryMessagesMax; ++i) ASSERT_TRUE(chats_.Add("ada", id, {}));
  EXPECT_EQ(chats_.Add("ada", id, {}).error().code, ErrorCode::kTooLarge);
}

TEST_F(TemporaryChatsTest, AllOfAnAccountGoTogether) {
  const std::string id = NewChat();
  const std::string other = NewChat("bob");
  ASSERT_TRUE(chats_.DeleteAccount("ada"));
  EXPECT_FALSE(chats_.Get("ada", id));
  EXPECT_TRUE(chats_.Get("bob", other));
}

}  // namespace
}  // namespace holdfast::conversations
