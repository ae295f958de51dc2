#include "conversations/answer_journal.h"

#include <array>
#include <csignal>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/random.h"
#include "base/test_rounds.h"
#include "conversations/testing/with_tables.h"

namespace holdfast::conversations {
namespace {

using testing::KeyOf;
using AnswerJournalTest = testing::WithTables;
INSTANTIATE_TEST_SUITE_P(Stores, AnswerJournalTest, store::testing::kBoth,
                         store::testing::KindName);

TEST_P(AnswerJournalTest, ShowsWhatIsWrittenSoFarAndJoinsItAtTheEnd) {
  History history = NewHistory();
  AnswerJournal journal = NewJournal();
  const auto [id, question] = Ask("ada", "q");
  auto answer = journal.Begin("ada", id, question, "starter");
  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_TRUE(journal.Append(*answer, {.reasoning = "hm", .tokens = 1}));
  ASSERT_TRUE(journal.Append(*answer, {.content = "It ", .tokens = 2}));
  ASSERT_TRUE(journal.Append(*answer, {.content = "is", .tokens = 1}));

  const auto meanwhile = history.GetMessage("ada", id, answer->message_id);
  ASSERT_TRUE(meanwhile);
  EXPECT_EQ(meanwhile->state, MessageState::kStreaming);
  EXPECT_EQ(meanwhile->content, "It is");
  EXPECT_EQ(meanwhile->reasoning, "hm");
  EXPECT_EQ(meanwhile->tokens, 4);

  const auto finished =
      journal.Finish(*answer, {.state = MessageState::kStopped,
                               .reason = "stopped",
                               .last = {.content = " so.", .reasoning = "!", .tokens = 2}});
  ASSERT_TRUE(finished) << finished.error().message;
  for (const Message& message : {*finished, *history.GetMessage("ada", id, answer->message_id)}) {
    EXPECT_EQ(message.state, MessageState::kStopped);
    EXPECT_EQ(message.reason, "stopped");
    EXPECT_EQ(message.content, "It is so.");
    EXPECT_EQ(message.reasoning, "hm!");
    EXPECT_EQ(message.tokens, 6);
    EXPECT_EQ(message.model, "starter");
    EXPECT_EQ(message.parent, question);
  }
  EXPECT_EQ(Count("answer_parts"), 0);
}

TEST_P(AnswerJournalTest, AnAnswerThatEndedOrWasDeletedTakesNoMore) {
  AnswerJournal journal = NewJournal();
  const auto [id, question] = Ask("ada", "q");
  auto ended = journal.Begin("ada", id, question, "starter");
  auto deleted = journal.Begin("ada", id, question, "starter");
  ASSERT_TRUE(ended && deleted);
  ASSERT_TRUE(journal.Finish(*ended, {}));
  EXPECT_EQ(journal.Append(*ended, {.content = "x"}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(journal.Finish(*ended, {}).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(journal.Append(*deleted, {.content = "x"}));
  ASSERT_TRUE(NewHistory().Delete("ada", id));
  EXPECT_EQ(journal.Append(*deleted, {.content = "x"}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(journal.Finish(*deleted, {}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Count("answer_parts"), 0);
}

TEST_P(AnswerJournalTest, GoesOnWithOneThatWasCutOff) {
  AnswerJournal journal = NewJournal();
  const auto [id, question] = Ask("ada", "q");
  auto answer = journal.Begin("ada", id, question, "starter");
  ASSERT_TRUE(answer);
  ASSERT_TRUE(journal.Append(*answer, {.content = "It ", .tokens = 1}));
  EXPECT_EQ(journal.Resume("ada", id, answer->message_id).error().code,
            ErrorCode::kFailedPrecondition)
      << "it is being written";
  EXPECT_EQ(journal.MarkInterrupted(), 1);
  for (const char* word : {"is ", "so."}) {
    auto resumed = journal.Resume("ada", id, answer->message_id);
    ASSERT_TRUE(resumed) << resumed.error().message;
    ASSERT_TRUE(journal.Append(*resumed, {.content = word, .tokens = 1}));
    ASSERT_TRUE(journal.Finish(
        *resumed,
        {.state = std::string(word) == "so." ? MessageState::kDone : MessageState::kStopped}));
  }
  const auto whole = NewHistory().GetMessage("ada", id, answer->message_id);
  EXPECT_EQ(whole->content, "It is so.");
  EXPECT_EQ(whole->tokens, 3);
  EXPECT_EQ(journal.Resume("ada", id, answer->message_id).error().code,
            ErrorCode::kFailedPrecondition)
      << "it is done";
  EXPECT_EQ(journal.Resume("ada", id, question).error().code, ErrorCode::kFailedPrecondition);
  const auto bytes = database().Read([&](store::Transaction& t) {
    return t.Query("SELECT bytes FROM conversations WHERE id = :id", {id});
  });
  EXPECT_EQ((*bytes)[0].Number(0), 1 + 9) << "question and answer, each counted once";
}

TEST_P(AnswerJournalTest, OneAccountWithoutItsKeyDoesNotKeepTheOthers) {
  const auto [id, question] = Ask("ada", "q");
  AnswerJournal journal = NewJournal();
  auto answer = journal.Begin("ada", id, question, "starter");
  auto other = journal.Begin("ada", id, question, "starter");
  ASSERT_TRUE(answer && other);
  ASSERT_TRUE(journal.Append(*answer, {.content = "kept", .tokens = 1}));
  ASSERT_EQ(Execute("UPDATE messages SET account_id = 'gone' WHERE id = :id", {other->message_id}),
            1);
  EXPECT_EQ(journal.MarkInterrupted(), 2);
  EXPECT_EQ(journal.MarkInterrupted(), 0);
  const auto tree = NewHistory().Get("ada", id);
  ASSERT_TRUE(tree);
  EXPECT_EQ(tree->messages[1].content, "kept");
  for (const auto& message : {tree->messages[1], tree->messages[2]}) {
    EXPECT_EQ(message.state, MessageState::kInterrupted);
  }
}

TEST_P(AnswerJournalTest, KeepsWhatFitsOfAnAnswerThatIsTooLong) {
  AnswerJournal journal = NewJournal();
  const auto [id, question] = Ask("ada", "q");
  auto answer = journal.Begin("ada", id, question, "starter");
  ASSERT_TRUE(answer);
  const AnswerPart whole{.content = std::string(kMessageBytesMax, 'a'), .tokens = 1};
  ASSERT_TRUE(journal.Append(*answer, whole));
  EXPECT_EQ(journal.Append(*answer, {.content = "b"}).error().code, ErrorCode::kTooLarge);
  answer->bytes = 0;
  answer->part_next = kPartsMax;
  EXPECT_EQ(journal.Append(*answer, {.content = "b"}).error().code, ErrorCode::kTooLarge);
  const auto ended = journal.Finish(*answer, {.last = {.content = "b", .tokens = 1}});
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->content.size(), kMessageBytesMax);
  EXPECT_EQ(ended->tokens, 2);
}

TEST(AnswerBatch, IsDueAtItsBytesOrAtItsAge) {
  AnswerBatch batch;
  EXPECT_FALSE(batch.is_due(1'000'000)) << "nothing has come";
  batch.Add("a", "b", 1, 1'000);
  EXPECT_FALSE(batch.is_due(1'000 + kBatchInterval.count() - 1));
  EXPECT_TRUE(batch.is_due(1'000 + kBatchInterval.count()));
  batch.Add(std::string(kBatchBytes - 2, 'c'), "", 1, 1'001);
  EXPECT_TRUE(batch.is_due(1'001));
  const AnswerPart part = batch.Take();
  EXPECT_EQ(part.content.size(), kBatchBytes - 1);
  EXPECT_EQ(part.tokens, 2);
  EXPECT_FALSE(batch.is_due(9'000));
}

constexpr const char* kUrlVariable = "HOLDFAST_TEST_JOURNAL_URL";

std::string NumberedPart(int i) { return fmt::format("<{}>", i); }

// Runs in a process of its own: writes parts for ever, and a byte to stdout after each that was
// acknowledged.
TEST(AnswerJournalWriter, DISABLED_WritesUntilItIsKilled) {
  const char* const url = std::getenv(kUrlVariable);
  ASSERT_NE(url, nullptr);
  const auto database = store::Database::Open({.url = url});
  ASSERT_TRUE(database);
  const NowMs now = [] { return 1; };
  History history(**database, KeyOf, now);
  AnswerJournal journal(**database, KeyOf, now);
  const auto made = history.Create("ada", "title");
  ASSERT_TRUE(made);
  const auto asked = history.Add("ada", made->id, {.content = "q"});
  ASSERT_TRUE(asked);
  auto answer = journal.Begin("ada", made->id, asked->id, "starter");
  ASSERT_TRUE(answer);
  for (int i = 0;; ++i) {
    ASSERT_TRUE(journal.Append(*answer, {.content = NumberedPart(i), .tokens = 1}));
    ASSERT_EQ(::write(3, "+", 1), 1);
  }
}

struct Writer {
  pid_t process = 0;
  int acknowledged = -1;  // The reading end.
};

Writer StartWriter(const std::string& url) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const pid_t process = ::fork();
  if (process == 0) {
    ::setenv(kUrlVariable, url.c_str(), 1);
    const int null = ::open("/dev/null", O_WRONLY);
    ::dup2(null, STDOUT_FILENO);
    if (ends[1] == 3) {
      ::fcntl(3, F_SETFD, 0);
    } else {
      ::dup2(ends[1], 3);
    }
    ::execl("/proc/self/exe", "writer", "--gtest_also_run_disabled_tests",
            "--gtest_filter=AnswerJournalWriter.*", nullptr);
    _exit(127);
  }
  ::close(ends[1]);
  return {process, ends[0]};
}

// Kills it after a random number of acknowledgements, wherever it is by then; returns how many
// there were.
int KillAfter(Writer writer, int count) {
  int acknowledged = 0;
  char byte = 0;
  while (acknowledged < count && ::read(writer.acknowledged, &byte, 1) == 1) ++acknowledged;
  ::kill(writer.process, SIGKILL);
  while (::read(writer.acknowledged, &byte, 1) == 1) ++acknowledged;
  ::close(writer.acknowledged);
  int status = 0;
  ::waitpid(writer.process, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "it ended by itself";
  return acknowledged;
}

TEST_P(AnswerJournalTest, EveryAcknowledgedPartOutlivesAKill) {
  for (int seed = 0; seed < TestRounds(5); ++seed) {
    SCOPED_TRACE(seed);
    Random random(static_cast<std::uint64_t>(seed));
    const int acknowledged = KillAfter(StartWriter(url()), static_cast<int>(random.Next() % 40));
    ASSERT_TRUE(NewJournal().MarkInterrupted());
    const auto ids = NewHistory().Ids("ada");
    ASSERT_TRUE(ids);
    std::int64_t kept = 0;
    for (const std::string& id : *ids) {
      const auto tree = NewHistory().Get("ada", id);
      ASSERT_TRUE(tree) << tree.error().message;
      for (const Message& message : tree->messages) {
        if (message.role != Role::kAssistant) continue;
        EXPECT_EQ(message.state, MessageState::kInterrupted);
        kept = message.tokens.value_or(0);
        std::string expected;
        for (int i = 0; i < kept; ++i) expected += NumberedPart(i);
        EXPECT_EQ(message.content, expected);
      }
    }
    EXPECT_GE(kept, acknowledged);
    ASSERT_TRUE(NewHistory().DeleteAccount("ada"));
  }
}

}  // namespace
}  // namespace holdfast::conversations
