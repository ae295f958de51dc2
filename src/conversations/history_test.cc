#include "conversations/history.h"

#include <fstream>
#include <iterator>
#include <thread>

#include "conversations/testing/with_tables.h"

namespace holdfast::conversations {
namespace {

using testing::KeyOf;
using HistoryTest = testing::WithTables;
INSTANTIATE_TEST_SUITE_P(Stores, HistoryTest, store::testing::kBoth, store::testing::KindName);

TEST_P(HistoryTest, GivesBackATreeOfMessagesInTheOrderTheyCame) {
  History history = NewHistory();
  const auto [id, question] = Ask("ada", "Grüße 🩷");
  const auto first = history.Add("ada", id,
                                 {.parent = question,
                                  .role = Role::kAssistant,
                                  .content = "one",
                                  .reasoning = "hm",
                                  .model = "starter",
                                  .state = MessageState::kFailed,
                                  .reason = "upstream_down",
                                  .tokens = 3});
  const auto second =
      history.Add("ada", id, {.parent = question, .role = Role::kAssistant, .content = "two"});
  ASSERT_TRUE(first && second);

  const auto tree = history.Get("ada", id);
  ASSERT_TRUE(tree) << tree.error().message;
  ASSERT_EQ(tree->messages.size(), 3u);
  EXPECT_EQ(tree->messages[0].content, "Grüße 🩷");
  EXPECT_EQ(tree->messages[0].parent, std::nullopt);
  const Message& answer = tree->messages[1];
  EXPECT_EQ(answer.id, first->id);
  EXPECT_EQ(answer.parent, question);
  EXPECT_EQ(answer.role, Role::kAssistant);
  EXPECT_EQ(answer.reasoning, "hm");
  EXPECT_EQ(answer.model, "starter");
  EXPECT_EQ(answer.state, MessageState::kFailed);
  EXPECT_EQ(answer.reason, "upstream_down");
  EXPECT_EQ(answer.tokens, 3);
  EXPECT_EQ(answer.created_at_ms, now_ms);
  EXPECT_EQ(tree->messages[2].id, second->id);
  EXPECT_EQ(tree->messages[2].reasoning, std::nullopt);
}

TEST_P(HistoryTest, KnowsNothingOfAnotherAccountsConversations) {
  History history = NewHistory();
  const auto [id, question] = Ask("ada", "secret");
  EXPECT_EQ(history.Get("bob", id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(history.GetMessage("bob", id, question).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(history.Change("bob", id, {.title = "mine"}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(history.Delete("bob", id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(history.Add("bob", id, {.content = "x"}).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(history.List("bob", {}, {})->conversations.empty());
  ASSERT_TRUE(history.DeleteAccount("bob"));
  EXPECT_TRUE(history.Get("ada", id));
}

TEST_P(HistoryTest, ListsPinnedFirstThenTheNewestPageByPage) {
  History history = NewHistory();
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < kListMax + 5; ++i) {
    now_ms += static_cast<std::int64_t>(i % 2);  // Some at the same time.
    ids.push_back(history.Create("ada", std::to_string(i))->id);
  }
  ASSERT_TRUE(history.Change("ada", ids[3], {.pinned = true}));
  const auto first = history.List("ada", {}, {});
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_EQ(first->conversations.size(), kListMax);
  EXPECT_EQ(first->conversations[0].id, ids[3]);
  EXPECT_TRUE(first->conversations[0].pinned);
  ASSERT_TRUE(first->next);
  const auto second = history.List("ada", first->next, {});
  ASSERT_TRUE(second);
  EXPECT_EQ(second->conversations.size(), 5u);
  EXPECT_EQ(second->next, std::nullopt);
  std::vector<std::string> seen;
  for (const auto* page : {&*first, &*second}) {
    for (const Conversation& one : page->conversations) seen.push_back(one.id);
  }
  std::ranges::sort(seen);
  std::ranges::sort(ids);
  EXPECT_EQ(seen, ids);
  for (const char* cursor : {"", "1", "1.2", "x.2.id", "1.x.id"}) {
    EXPECT_EQ(history.List("ada", cursor, {}).error().code, ErrorCode::kInvalidArgument) << cursor;
  }
}

TEST_P(HistoryTest, AFolderIsThereAsLongAsSomethingIsInIt) {
  History history = NewHistory();
  const std::string first = history.Create("ada", "a")->id;
  const std::string second = history.Create("ada", "b")->id;
  ASSERT_TRUE(history.Change("ada", first, {.folder = "work"}));
  ASSERT_TRUE(history.Change("ada", second, {.folder = "work"}));
  EXPECT_EQ(Count("conversation_folders"), 1);
  EXPECT_EQ(history.List("ada", {}, "work")->conversations.size(), 2u);
  EXPECT_EQ(history.List("ada", {}, "play")->conversations.size(), 0u);
  EXPECT_EQ(history.Get("ada", first)->conversation.folder, "work");
  EXPECT_EQ(history.Change("ada", first, {.folder = ""})->folder, std::nullopt);
  EXPECT_EQ(Count("conversation_folders"), 1);
  ASSERT_TRUE(history.Delete("ada", second));
  EXPECT_EQ(Count("conversation_folders"), 0);
}

TEST_P(HistoryTest, ChangesOnlyWhatIsNamed) {
  History history = NewHistory();
  const std::string id = history.Create("ada", "before")->id;
  ASSERT_TRUE(history.Change("ada", id, {.pinned = true, .folder = "work"}));
  const auto changed = history.Change("ada", id, {.title = "after"});
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->title, "after");
  EXPECT_TRUE(changed->pinned);
  EXPECT_EQ(changed->folder, "work");
}

TEST_P(HistoryTest, DeletesOneOrAllOfAnAccount) {
  History history = NewHistory();
  const auto [first, unused] = Ask("ada", "a");
  const auto [second, unused2] = Ask("ada", "b");
  const auto [other, unused3] = Ask("bob", "c");
  ASSERT_TRUE(history.Change("ada", second, {.folder = "work"}));
  ASSERT_TRUE(history.Delete("ada", first));
  EXPECT_EQ(history.Get("ada", first).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Count("messages"), 2);
  ASSERT_TRUE(history.DeleteAccount("ada"));
  EXPECT_TRUE(history.List("ada", {}, {})->conversations.empty());
  EXPECT_EQ(Count("messages"), 1);
  EXPECT_EQ(Count("conversation_folders"), 0);
  EXPECT_TRUE(history.Get("bob", other));
}

TEST_P(HistoryTest, RefusesWhatIsOverALimit) {
  History history = NewHistory();
  const auto [id, question] = Ask("ada", "a");
  const auto code = [](const auto& outcome) {
    return outcome ? ErrorCode::kInternal : outcome.error().code;
  };
  const std::string title(kTitleBytesMax + 1, 't');
  EXPECT_EQ(code(history.Create("ada", title)), ErrorCode::kTooLarge);
  EXPECT_EQ(code(history.Change("ada", id, {.title = title})), ErrorCode::kTooLarge);
  EXPECT_EQ(code(history.Change("ada", id, {.folder = std::string(kFolderBytesMax + 1, 'f')})),
            ErrorCode::kTooLarge);
  const std::string large(kMessageBytesMax, 'm');
  EXPECT_EQ(code(history.Add("ada", id, {.content = large, .reasoning = "r"})),
            ErrorCode::kTooLarge);
  EXPECT_TRUE(history.Add("ada", id, {.content = large}));
  EXPECT_EQ(code(history.Add("ada", id, {.model = std::string(kModelBytesMax + 1, 'm')})),
            ErrorCode::kTooLarge);
  EXPECT_EQ(code(history.Add("ada", id, {.parent = "nobody"})), ErrorCode::kInvalidArgument);
  const auto [other, elsewhere] = Ask("ada", "b");
  EXPECT_EQ(code(history.Add("ada", id, {.parent = elsewhere})), ErrorCode::kInvalidArgument);

  ASSERT_TRUE(Execute("UPDATE conversations SET bytes = :bytes", {kConversationBytesMax - 1}));
  EXPECT_EQ(code(history.Add("ada", other, {.content = "xx"})), ErrorCode::kTooLarge);
  ASSERT_TRUE(Execute("UPDATE messages SET place = :place", {kMessagesMax}).has_value() ||
              Execute("UPDATE messages SET place = place + :place", {kMessagesMax}).has_value());
  EXPECT_EQ(code(history.Add("ada", id, {})), ErrorCode::kTooLarge);
}

TEST_P(HistoryTest, ImportsCopiesWithNewIdsAndTheirOwnTimes) {
  History history = NewHistory();
  ConversationTree tree;
  tree.conversation = {.id = "x", .title = "old", .created_at_ms = 5, .updated_at_ms = 9};
  tree.messages = {{.id = "1", .content = "q", .created_at_ms = 5},
                   {.id = "2", .parent = "1", .role = Role::kAssistant, .content = "a"}};
  for (int round = 1; round <= 2; ++round) {
    const auto stored = history.Import("ada", {tree});
    ASSERT_TRUE(stored) << stored.error().message;
    EXPECT_EQ(stored->conversations, 1);
    EXPECT_EQ(stored->messages, 2);
    EXPECT_EQ(history.Ids("ada")->size(), static_cast<std::size_t>(round));
  }
  const auto back = history.Get("ada", history.Ids("ada")->front());
  ASSERT_TRUE(back);
  EXPECT_NE(back->conversation.id, "x");
  EXPECT_EQ(back->conversation.created_at_ms, 5);
  EXPECT_EQ(back->conversation.updated_at_ms, 9);
  EXPECT_EQ(back->messages[1].parent, back->messages[0].id);

  std::swap(tree.messages[0], tree.messages[1]);
  EXPECT_EQ(history.Import("ada", {tree}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(history.Ids("ada")->size(), 2u) << "half of it is there";
}

// Every message of both is there, in one order without gaps.
TEST_P(HistoryTest, TwoWritersAtOnceLoseNothing) {
  constexpr int kRounds = 20;
  const auto [id, question] = Ask("ada", "q");
  const auto patient = Open({.wait_max = std::chrono::seconds(60)});
  std::atomic<int> done = 0;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 2; ++writer) {
    writers.emplace_back([&, id = id, question = question] {
      History history(*patient, KeyOf, [] { return 1; });
      for (int i = 0; i < kRounds; ++i) {
        if (history.Add("ada", id, {.parent = question, .content = "x"})) ++done;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_GE(done, GetParam() == store::Kind::kSqlite ? 2 * kRounds : kRounds);
  EXPECT_EQ(NewHistory().Get("ada", id)->messages.size(), static_cast<std::size_t>(done) + 1);
}

// Whoever can write to the table can move a text, but not so that it opens.
TEST_P(HistoryTest, ATextMovedToAnotherPlaceDoesNotOpen) {
  History history = NewHistory();
  const auto [first, one] = Ask("ada", "one");
  const auto [second, two] = Ask("ada", "two");
  ASSERT_EQ(Execute("UPDATE messages SET content = (SELECT content FROM messages WHERE id = :from)"
                    " WHERE id = :to",
                    {one, two}),
            1);
  EXPECT_EQ(history.Get("ada", second).error().code, ErrorCode::kCorrupt);
  ASSERT_EQ(Execute("UPDATE messages SET content = 'no base64' WHERE id = :to", {one}), 1);
  EXPECT_EQ(history.Get("ada", first).error().code, ErrorCode::kCorrupt);
  ASSERT_EQ(Execute("UPDATE conversations SET title = (SELECT title FROM conversations WHERE id ="
                    " :from) WHERE id = :to",
                    {first, second}),
            1);
  const auto listed = history.List("ada", {}, {});
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().code, ErrorCode::kCorrupt);
}

bool IsInAFileOf(const std::filesystem::path& folder, std::string_view text) {
  std::error_code gone;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, gone)) {
    if (!entry.is_regular_file(gone)) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    if (bytes.find(text) != std::string::npos) return true;
  }
  return false;
}

// SQLite: database, journal and WAL; PostgreSQL: tables, WAL and its log.
TEST_P(HistoryTest, NoTextOfAPersonStandsInAnyFile) {
  const std::string canary = "canary-7d1f0c";
  const std::string account = "account-3b9a";
  const std::filesystem::path files = GetParam() == store::Kind::kSqlite
                                          ? folder().string()
                                          : url().substr(url().find("host=") + 5);
  History history = NewHistory();
  AnswerJournal journal = NewJournal();
  const std::string id = history.Create(account, canary + " title")->id;
  ASSERT_TRUE(history.Change(account, id, {.folder = canary + " folder"}));
  const auto asked = history.Add(account, id, {.content = canary + " question"});
  ASSERT_TRUE(asked);
  auto answer = journal.Begin(account, id, asked->id, canary + " model");
  ASSERT_TRUE(answer);
  ASSERT_TRUE(journal.Append(*answer, {.content = canary, .reasoning = canary + " thought"}));
  EXPECT_TRUE(IsInAFileOf(files, account)) << "the search finds what is there";
  EXPECT_FALSE(IsInAFileOf(files, canary)) << "while it is written";
  ASSERT_TRUE(journal.Finish(*answer, {}));
  EXPECT_FALSE(IsInAFileOf(files, canary)) << "afterwards";
  ASSERT_TRUE(history.DeleteAccount(account));
  EXPECT_FALSE(IsInAFileOf(files, canary)) << "after deleting";
}

}  // namespace
}  // namespace holdfast::conversations
