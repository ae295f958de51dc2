#include "conversations/export.h"

#include <algorithm>

namespace holdfast::conversations {
namespace {

template <typename T>
json::Value OrNull(const std::optional<T>& value) {
  return value ? json::Value(*value) : json::Value(nullptr);
}

json::Object JsonOf(const ConversationTree& tree) {
  json::Array messages;
  for (const Message& message : tree.messages) messages.emplace_back(JsonOf(message));
  const Conversation& conversation = tree.conversation;
  return {{"title", conversation.title},
          {"created_at", conversation.created_at_ms},
          {"updated_at", conversation.updated_at_ms},
          {"pinned", conversation.pinned},
          {"folder", OrNull(conversation.folder)},
          {"messages", std::move(messages)}};
}

// A fence longer than any in the text, so that the text cannot end it.
std::string FenceFor(std::string_view text) {
  std::size_t longest = 0;
  std::size_t run = 0;
  for (const char letter : text) {
    run = letter == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return std::string(std::max<std::size_t>(longest + 1, 3), '`');
}

std::string OneLine(std::string text) {
  std::ranges::replace_if(
      text, [](char letter) { return letter == '\n' || letter == '\r'; }, ' ');
  return text;
}

std::string HeadingOf(const Message& message) {
  std::string heading = message.role == Role::kUser        ? "You"
                        : message.role == Role::kAssistant ? "Assistant"
                                                           : "System";
  if (message.model) heading += fmt::format(" ({})", OneLine(*message.model));
  if (message.state != MessageState::kDone)
    heading += fmt::format(" - {}", StateName(message.state));
  return heading;
}

}  // namespace

json::Object JsonOf(const Message& message) {
  return {{"id", message.id},
          {"parent", OrNull(message.parent)},
          {"role", RoleName(message.role)},
          {"content", message.content},
          {"reasoning", OrNull(message.reasoning)},
          {"model", OrNull(message.model)},
          {"created_at", message.created_at_ms},
          {"state", StateName(message.state)},
          {"reason", OrNull(message.reason)},
          {"tokens", OrNull(message.tokens)}};
}

std::string ExportJson(std::span<const ConversationTree> trees, std::int64_t exported_at_ms) {
  json::Array conversations;
  for (const ConversationTree& tree : trees) conversations.emplace_back(JsonOf(tree));
  return json::Write(json::Object{{"format", kExportFormat},
                                  {"version", kExportVersion},
                                  {"exported_at", exported_at_ms},
                                  {"conversations", std::move(conversations)}});
}

std::string ExportMarkdown(const ConversationTree& tree) {
  std::string text = fmt::format("# {}\n", OneLine(tree.conversation.title));
  std::string_view previous;
  for (const Message& message : tree.messages) {
    text += fmt::format("\n## {}\n\n", HeadingOf(message));
    if (message.parent && *message.parent != previous) {
      text += "*This goes on from an earlier message.*\n\n";
    }
    if (message.reasoning) {
      const std::string fence = FenceFor(*message.reasoning);
      text += fmt::format("{}reasoning\n{}\n{}\n\n", fence, *message.reasoning, fence);
    }
    text += message.content + "\n";
    previous = message.id;
  }
  return text;
}

}  // namespace holdfast::conversations
