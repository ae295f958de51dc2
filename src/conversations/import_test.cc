#include "conversations/import.h"

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "conversations/export.h"
#include "conversations/internal/import_formats.h"

namespace holdfast::conversations {
namespace {

std::string Sample(const std::string& name) {
  std::ifstream file(std::string(HOLDFAST_SOURCE_DIR) + "/fuzz/corpus/conversation_import/" + name);
  EXPECT_TRUE(file.is_open()) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

// "role: content (reasoning) < parent's content", a line a message.
std::string Outline(const ConversationTree& tree) {
  std::string outline;
  for (const Message& message : tree.messages) {
    outline += fmt::format("{}: {}", RoleName(message.role), message.content);
    if (message.reasoning) outline += fmt::format(" ({})", *message.reasoning);
    for (const Message& parent : tree.messages) {
      if (message.parent == parent.id) outline += fmt::format(" < {}", parent.content);
    }
    outline += "\n";
  }
  return outline;
}

TEST(Import, ReadsChatGpt) {
  const auto trees = ParseImport(Sample("chatgpt.json"));
  ASSERT_TRUE(trees) << trees.error().message;
  ASSERT_EQ(trees->size(), 2u);
  const ConversationTree& tree = trees->front();
  EXPECT_EQ(tree.conversation.title, "Tides");
  EXPECT_EQ(tree.conversation.created_at_ms, 1'706'745'600'500);
  EXPECT_EQ(tree.conversation.updated_at_ms, 1'706'745'900'000);
  EXPECT_EQ(Outline(tree),
            "user: Why are there tides?\n"
            "assistant:  (The moon pulls.) < Why are there tides?\n"
            "assistant: Because of the moon. < \n"
            "user: Why are there tides?\nAnd two a day? < Because of the moon.\n");
  EXPECT_EQ(tree.messages[2].model, "gpt-4o");
  EXPECT_EQ(trees->back().conversation.title, "Untitled");
}

TEST(Import, ReadsOpenWebUi) {
  const auto trees = ParseImport(Sample("open_webui.json"));
  ASSERT_TRUE(trees) << trees.error().message;
  ASSERT_EQ(trees->size(), 1u);
  const ConversationTree& tree = trees->front();
  EXPECT_EQ(tree.conversation.title, "Bread");
  EXPECT_TRUE(tree.conversation.pinned);
  EXPECT_EQ(tree.conversation.created_at_ms, 1'720'000'000'000);
  EXPECT_EQ(Outline(tree),
            "user: How long does dough rest?\n"
            "assistant: An hour. (It depends on the yeast.) < How long does dough rest?\n"
            "assistant: A night in the cold. < How long does dough rest?\n");
  EXPECT_EQ(tree.messages[1].model, "llama3.1:8b");
  EXPECT_EQ(tree.messages[1].created_at_ms, 1'720'000'005'000);
}

TEST(Import, ReadsDeepSeek) {
  const auto trees = ParseImport(Sample("deepseek.json"));
  ASSERT_TRUE(trees) << trees.error().message;
  ASSERT_EQ(trees->size(), 2u);
  EXPECT_EQ(trees->front().conversation.created_at_ms, 1'743'281'376'505);
  EXPECT_EQ(Outline(trees->front()),
            "user: Is 91 prime?\n"
            "assistant: No: 7 times 13. (91 = 7 * 13) < Is 91 prime?\n");
  EXPECT_EQ(trees->front().messages[0].model, std::nullopt);
  EXPECT_EQ(trees->front().messages[1].model, "deepseek-reasoner");
  EXPECT_EQ(Outline(trees->back()),
            "user: Hello\nassistant: Good day. (Greet.) < Hello\nuser: Bye < Good day.\n")
      << "the older form, without roles";
}

TEST(Import, TakesBackWhatWasExported) {
  ConversationTree tree;
  tree.conversation = {.title = "a \"title\" 🩷",
                       .created_at_ms = 1'700'000'000'001,
                       .updated_at_ms = 1'700'000'000'002,
                       .pinned = true,
                       .folder = "work"};
  tree.messages = {
      {.id = "1", .content = "q", .created_at_ms = 1'700'000'000'001},
      {.id = "2",
       .parent = "1",
       .role = Role::kAssistant,
       .content = "a\n\xC3\xA4",
       .reasoning = "r",
       .model = "m",
       .created_at_ms = 1'700'000'000'002,
       .state = MessageState::kFailed,
       .reason = "upstream_down",
       .tokens = 7},
      {.id = "3", .parent = "1", .role = Role::kAssistant, .state = MessageState::kStreaming}};
  const std::string text = ExportJson({&tree, 1}, 5);
  const auto back = ParseImport(text);
  ASSERT_TRUE(back) << back.error().message;
  tree.messages[2].state = MessageState::kInterrupted;
  EXPECT_EQ(ExportJson(*back, 5), ExportJson({&tree, 1}, 5));
}

TEST(Import, SaysWhatIsWrong) {
  const struct {
    std::string_view text;
    ErrorCode code;
    std::string_view says;
  } cases[] = {
      {"{", ErrorCode::kInvalidArgument, "not JSON"},
      {"7", ErrorCode::kInvalidArgument, "neither of ChatGPT"},
      {R"([{"a":1}])", ErrorCode::kInvalidArgument, "conversation 1: neither"},
      {R"([{"mapping":{}},{"mapping":[]}])", ErrorCode::kInvalidArgument, "conversation 2"},
      {R"({"format":"other"})", ErrorCode::kInvalidArgument, "holdfast-conversations"},
      {R"({"format":7})", ErrorCode::kInvalidArgument, "format"},
      {R"({"format":"holdfast-conversations","version":2,"conversations":[]})",
       ErrorCode::kUnsupported, "version 2"},
      {R"({"format":"holdfast-conversations","version":1})", ErrorCode::kInvalidArgument,
       "conversations"},
      {R"({"format":"holdfast-conversations","version":1,"conversations":[3]})",
       ErrorCode::kInvalidArgument, "conversation 1: not an object"},
      {R"({"format":"holdfast-conversations","version":1,"conversations":[{"messages":[
           {"id":"1","role":"user"},{"id":"1","role":"user"}]}]})",
       ErrorCode::kInvalidArgument, "the same id"},
  };
  for (const auto& [text, code, says] : cases) {
    const auto trees = ParseImport(text);
    ASSERT_FALSE(trees) << text;
    EXPECT_EQ(trees.error().code, code) << text;
    EXPECT_NE(trees.error().message.find(says), std::string::npos) << trees.error().message;
  }
}

TEST(Import, RefusesWhatIsOverALimit) {
  const std::string two = R"([{"mapping":{}},{"mapping":{}}])";
  EXPECT_TRUE(ParseImport(two));
  EXPECT_EQ(ParseImport(two, {.conversations_max = 1}).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(ParseImport(two, {.text_bytes_max = 10}).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(ParseImport(Sample("chatgpt.json"), {.messages_max = 3}).error().code,
            ErrorCode::kTooLarge);
  ConversationTree tree;
  tree.messages = {{.id = "1", .content = std::string(kMessageBytesMax + 1, 'x')}};
  EXPECT_EQ(ParseImport(ExportJson({&tree, 1}, 0)).error().code, ErrorCode::kTooLarge);
  tree.messages.clear();
  for (int i = 0; i <= kMessagesMax; ++i) tree.messages.push_back({.id = std::to_string(i)});
  EXPECT_EQ(ParseImport(ExportJson({&tree, 1}, 0)).error().code, ErrorCode::kTooLarge);
  tree.messages = {{.id = "1", .content = "x"}};
  tree.conversation.title = std::string(kTitleBytesMax - 1, 't') + "ä";
  const auto cut = ParseImport(ExportJson({&tree, 1}, 0));
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->front().conversation.title, std::string(kTitleBytesMax - 1, 't'));
}

// A chain of a million steps and a circle are both read without recursion.
TEST(Import, LeavesOutWhatHangsOnACircle) {
  const auto trees = ParseImport(R"([{"mapping":{
      "a":{"parent":"b","message":{"author":{"role":"user"},"content":{"parts":["a"]}}},
      "b":{"parent":"a","message":{"author":{"role":"user"},"content":{"parts":["b"]}}},
      "c":{"parent":"c","message":{"author":{"role":"user"},"content":{"parts":["c"]}}},
      "d":{"parent":"gone","message":{"author":{"role":"user"},"content":{"parts":["d"]}}}}}])");
  ASSERT_TRUE(trees) << trees.error().message;
  EXPECT_EQ(Outline(trees->front()), "user: d\n");
}

TEST(Import, ReadsTimesWithTheirZone) {
  EXPECT_EQ(ParseIsoTimeMs("1970-01-01T00:00:01"), 1'000);
  EXPECT_EQ(ParseIsoTimeMs("1970-01-01T08:00:01.25+08:00"), 1'250);
  EXPECT_EQ(ParseIsoTimeMs("1970-01-01T00:00:01-01:30"), 5'401'000);
  EXPECT_EQ(ParseIsoTimeMs("2024-02-29T12:00:00.123456Z"), 1'709'208'000'123);
  for (const char* text : {"", "2024", "2023-02-29T12:00:00", "2024-02-29T24:00:00",
                           "2024-02-29T12:00:00+8", "2024-x2-29T12:00:00"}) {
    EXPECT_EQ(ParseIsoTimeMs(text), 0) << text;
  }
}

TEST(Export, MarkdownReadsFromTopToBottom) {
  ConversationTree tree;
  tree.conversation.title = "Tides\nand more";
  tree.messages = {{.id = "1", .content = "Why?"},
                   {.id = "2",
                    .parent = "1",
                    .role = Role::kAssistant,
                    .content = "Moon.",
                    .reasoning = "```\nhm",
                    .model = "starter"},
                   {.id = "3",
                    .parent = "1",
                    .role = Role::kAssistant,
                    .content = "Su",
                    .state = MessageState::kStopped}};
  EXPECT_EQ(ExportMarkdown(tree),
            "# Tides and more\n\n## You\n\nWhy?\n\n## Assistant (starter)\n\n"
            "````reasoning\n```\nhm\n````\n\nMoon.\n\n## Assistant - stopped\n\n"
            "*This goes on from an earlier message.*\n\nSu\n");
}

}  // namespace
}  // namespace holdfast::conversations
