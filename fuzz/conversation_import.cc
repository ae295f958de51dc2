// Imports: what is read can be stored as conversation.h says, and comes back the same after being
// exported and read again.
#include <cstdint>
#include <unordered_set>

#include "base/check.h"
#include "conversations/export.h"
#include "conversations/import.h"
#include "fuzz/input.h"

namespace holdfast::fuzz {
namespace {

using conversations::ConversationTree;
using conversations::Message;

void CheckStorable(const ConversationTree& tree) {
  CHECK(!tree.conversation.title.empty());
  CHECK(tree.conversation.title.size() <= conversations::kTitleBytesMax);
  CHECK(tree.conversation.folder.value_or("").size() <= conversations::kFolderBytesMax);
  CHECK(tree.conversation.created_at_ms >= 0);
  CHECK(tree.conversation.updated_at_ms >= tree.conversation.created_at_ms);
  std::unordered_set<std::string> ids;
  for (const Message& message : tree.messages) {
    CHECK(!message.parent || ids.contains(*message.parent));
    CHECK(ids.insert(message.id).second);
    CHECK(message.state != conversations::MessageState::kStreaming);
    CHECK(message.created_at_ms >= 0);
    CHECK(message.content.size() <= conversations::kMessageBytesMax);
  }
}

}  // namespace
}  // namespace holdfast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  const conversations::ImportLimits limits{
      .text_bytes_max = 64 << 10, .conversations_max = 16, .messages_max = 256};
  const auto trees = conversations::ParseImport(fuzz::Input(data, size).rest(), limits);
  if (!trees) return 0;
  for (const conversations::ConversationTree& tree : *trees) fuzz::CheckStorable(tree);
  const std::string text = conversations::ExportJson(*trees, 0);
  const auto again = conversations::ParseImport(text);
  CHECK(again.has_value());
  CHECK(conversations::ExportJson(*again, 0) == text);
  return 0;
}
