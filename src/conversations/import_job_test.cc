// The import of uploaded files, in this process and in the child of a sandbox. The program is its
// own sandbox's child, so its main is here.
#include "conversations/import_job.h"

#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "archives/testing/raw_zip.h"
#include "archives/zip_writer.h"
#include "conversations/export.h"
#include "conversations/tree_codec.h"
#include "sandbox/testing/test_main.h"

namespace holdfast::conversations {
namespace {

using ::testing::HasSubstr;
using Files = std::vector<std::pair<std::string, std::string>>;

constexpr sandbox::Job kJobs[] = {kImportJob};

std::string Sample(const std::string& name) {
  std::ifstream file(std::string(HOLDFAST_SOURCE_DIR) + "/fuzz/corpus/conversation_import/" + name);
  EXPECT_TRUE(file.is_open()) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string Zip(const Files& files) {
  const auto writer = *archives::ZipWriter::Make();
  for (const auto& [name, content] : files) EXPECT_TRUE(writer->Add(name, content));
  return *writer->Finish();
}

std::string Ours(const std::string& title) {
  return fmt::format(
      R"({{"format":"holdfast-conversations","version":1,"conversations":[{{"title":"{}",
          "created_at":1,"updated_at":2,"pinned":true,"folder":"f","messages":[
          {{"id":"a","role":"user","content":"caf\u00e9"}},
          {{"id":"b","parent":"a","role":"assistant","content":"1","reasoning":"r","model":"m",
            "created_at":5,"state":"failed","reason":"shed","tokens":7}},
          {{"id":"c","parent":"a","role":"assistant","content":"2"}}]}}]}})",
      title);
}

std::string TitlesOf(const Result<std::vector<ConversationTree>>& trees) {
  if (!trees) return trees.error().message;
  std::string titles;
  for (const ConversationTree& tree : *trees) titles += tree.conversation.title + ";";
  return titles;
}

TEST(ImportFile, FindsTheConversationsOfEachExport) {
  const std::string chatgpt = Sample("chatgpt.json");
  const struct {
    std::string what;
    std::string file;
    std::string titles;
  } cases[] = {
      {"our JSON", Ours("own"), "own;"},
      {"our ZIP",
       Zip({{"account.json", "{}"},
            {"conversations/00001.md", "# x"},
            {"conversations.json", Ours("own")}}),
       "own;"},
      {"ChatGPT",
       Zip({{"user.json", "{}"},
            {"shared_conversations.json", "[]"},
            {"conversations.json", chatgpt},
            {"image.png", "x"}}),
       "Tides;Untitled;"},
      {"in parts, in their order",
       Zip({{"conversations-001.json", Ours("two")}, {"conversations-000.json", Ours("one")}}),
       "one;two;"},
      {"in a folder, packed by macOS",
       Zip({{"export/conversations.json", Ours("own")},
            {"__MACOSX/export/conversations.json", "no JSON"}}),
       "own;"},
      {"Open WebUI", Sample("open_webui.json"), "Bread;"},
  };
  const auto sandbox = *sandbox::Sandbox::Open(kJobs, {});
  for (const auto& [what, file, titles] : cases) {
    EXPECT_EQ(TitlesOf(ReadImportFile(file)), titles) << what;
    EXPECT_EQ(TitlesOf(ImportInSandbox(*sandbox, file)), titles) << what << ", in a child";
  }
}

TEST(ImportFile, SaysWhatIsWrong) {
  const std::string inner = Zip({{"conversations.json", Ours("own")}});
  const struct {
    std::string file;
    ErrorCode code;
    std::string says;
  } cases[] = {
      {"", ErrorCode::kInvalidArgument, ""},
      {"PK\x03\x04 and no more", ErrorCode::kInvalidArgument, "the ZIP is damaged"},
      {Zip({{"a.txt", "x"}}), ErrorCode::kInvalidArgument, "no conversations.json"},
      {Zip({{"inner.zip", inner}}), ErrorCode::kInvalidArgument, "a ZIP inside"},
      {Zip({{"conversations.json", inner}}), ErrorCode::kInvalidArgument, "is a ZIP, not JSON"},
      {Zip({{"a/conversations.json", "[{]"}}), ErrorCode::kInvalidArgument, "conversations.json: "},
      {Zip({{"conversations.json", std::string(3 << 20, ' ')}}), ErrorCode::kTooLarge, "200 times"},
      {archives::testing::RawZip({{.name = "../conversations.json", .data = Ours("own")}}),
       ErrorCode::kInvalidArgument, "not safe"},
      {R"({"format":"holdfast-conversations","version":9,"conversations":[]})",
       ErrorCode::kUnsupported, "version 9"},
  };
  const auto sandbox = *sandbox::Sandbox::Open(kJobs, {});
  for (const auto& [file, code, says] : cases) {
    const auto read = ImportInSandbox(*sandbox, file);
    ASSERT_FALSE(read) << says;
    EXPECT_EQ(ErrorCodeName(read.error().code), ErrorCodeName(code)) << read.error().message;
    EXPECT_THAT(read.error().message, HasSubstr(says));
  }
}

TEST(ImportFile, HoldsItsLimitsOverAllTextsTogether) {
  const std::string two =
      Zip({{"conversations-1.json", Ours("one")}, {"conversations-2.json", Ours("two")}});
  const struct {
    ImportLimits texts;
    std::string says;
  } cases[] = {
      {{.text_bytes_max = Ours("one").size() + 10}, "conversations-2.json: "},
      {{.conversations_max = 1}, "conversations-2.json: "},
      {{.messages_max = 5}, "conversations-2.json: more than 2 messages"},
  };
  for (const auto& [texts, says] : cases) {
    const auto read = ReadImportFile(two, {.texts = texts});
    ASSERT_FALSE(read) << says;
    EXPECT_EQ(read.error().code, ErrorCode::kTooLarge) << read.error().message;
    EXPECT_THAT(read.error().message, HasSubstr(says));
  }
  EXPECT_TRUE(ReadImportFile(two, {.texts = {.conversations_max = 2, .messages_max = 6}}));
}

TEST(ImportFile, IsRefusedForWhatItsReadingTakes) {
  const auto sandbox = *sandbox::Sandbox::Open(kJobs, {});
  const auto large = ImportInSandbox(*sandbox, std::string(kImportFileBytesMax + 1, ' '));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(large.error().message, "a file of more than 64 MiB");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // As JSON it is thirty times as much.
  std::string brackets = "[";
  while (brackets.size() < kImportFileBytesMax - 3) brackets += "0,";
  const auto heavy = ImportInSandbox(*sandbox, brackets + "0]");
  ASSERT_FALSE(heavy);
  EXPECT_EQ(heavy.error().code, ErrorCode::kTooLarge);
  EXPECT_THAT(heavy.error().message, HasSubstr("1024 MiB of memory"));
#endif
  sandbox->Stop();
  const auto stopped = ImportInSandbox(*sandbox, Ours("own"));
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled);
}

TEST(TreeCodec, GivesBackWhatItWasGiven) {
  const auto trees = ParseImport(Ours("own"));
  ASSERT_TRUE(trees);
  const auto again = DecodeTrees(EncodeTrees(*trees));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ((*again)[0].messages[2].parent, "1");
  // Only the ids differ: they are numbers now.
  std::vector<ConversationTree> expected = *trees;
  for (Message& message : expected[0].messages) {
    message.id = std::to_string(message.id[0] - 'a' + 1);
    if (message.parent) message.parent = "1";
  }
  EXPECT_EQ(ExportJson(*again, 0), ExportJson(expected, 0));
  EXPECT_EQ(EncodeTrees(*again), EncodeTrees(*trees));
}

TEST(TreeCodec, RefusesBytesCutAnywhereAndBytesAfterTheEnd) {
  const std::string bytes = EncodeTrees(*ParseImport(Ours("own")));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_FALSE(DecodeTrees(std::string_view(bytes).substr(0, size))) << size;
  }
  EXPECT_FALSE(DecodeTrees(bytes + "x"));
}

TEST(TreeCodec, RefusesWhatNoReaderOfOursSays) {
  const auto changed = [](auto change) {
    ConversationTree tree = ParseImport(Ours("own"))->front();
    change(tree);
    return EncodeTrees({&tree, 1});
  };
  using Tree = ConversationTree;
  const struct {
    std::string what;
    std::string bytes;
  } cases[] = {
      {"no title", changed([](Tree& tree) { tree.conversation.title.clear(); })},
      {"a long title",
       changed([](Tree& tree) { tree.conversation.title = std::string(kTitleBytesMax + 1, 't'); })},
      {"no UTF-8", changed([](Tree& tree) { tree.messages[0].content = "\xff"; })},
      {"a time before 1970", changed([](Tree& tree) { tree.messages[0].created_at_ms = -1; })},
      {"changed before it was made", changed([](Tree& tree) {
         tree.conversation.created_at_ms = tree.conversation.updated_at_ms + 1;
       })},
      {"being written",
       changed([](Tree& tree) { tree.messages[0].state = MessageState::kStreaming; })},
      {"no state", changed([](Tree& tree) { tree.messages[0].state = MessageState{9}; })},
      {"no role", changed([](Tree& tree) { tree.messages[0].role = Role{9}; })},
      {"tokens below 0", changed([](Tree& tree) { tree.messages[0].tokens = -1; })},
      {"a long reason", changed([](Tree& tree) {
         tree.messages[0].reason = std::string(kReasonBytesMax + 1, 'r');
       })},
      {"a folder without a name", changed([](Tree& tree) { tree.conversation.folder = ""; })},
      {"a long message", changed([](Tree& tree) {
         tree.messages[0].content = std::string(kMessageBytesMax, 'x');
         tree.messages[0].reasoning = "x";
       })},
  };
  for (const auto& [what, bytes] : cases) EXPECT_FALSE(DecodeTrees(bytes)) << what;
  const std::string good = changed([](Tree&) {});
  EXPECT_FALSE(DecodeTrees(good, {.conversations_max = 0}));
  EXPECT_FALSE(DecodeTrees(good, {.messages_max = 2}));
  EXPECT_TRUE(DecodeTrees(good, {.conversations_max = 1, .messages_max = 3}));
}

}  // namespace
}  // namespace holdfast::conversations

int main(int argc, char** argv) {
  return holdfast::sandbox::testing::TestMain(argc, argv, holdfast::conversations::kJobs);
}
