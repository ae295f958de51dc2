#include "conversations/tree_codec.h"

#include <concepts>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "conversations/internal/message_tree.h"
#include "tokenizer/utf8.h"

namespace holdfast::conversations {
namespace {

constexpr std::uint8_t kStatesMax = static_cast<std::uint8_t>(MessageState::kFailed);
constexpr std::uint8_t kRolesMax = static_cast<std::uint8_t>(Role::kSystem);

class Writer {
 public:
  template <std::integral Number>
  void Put(Number number) {
    for (std::size_t i = 0; i < sizeof(Number); ++i) {
      bytes_ += static_cast<char>(static_cast<std::uint64_t>(number) >> (8 * i));
    }
  }
  void Put(const std::string& text) {
    Put(static_cast<std::uint32_t>(text.size()));
    bytes_ += text;
  }
  template <typename T>
  void Put(const std::optional<T>& value) {
    Put(static_cast<std::uint8_t>(value.has_value()));
    if (value) Put(*value);
  }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

void Put(Writer& writer, const Message& message, std::uint32_t parent) {
  writer.Put(parent);
  writer.Put(static_cast<std::uint8_t>(message.role));
  writer.Put(static_cast<std::uint8_t>(message.state));
  writer.Put(message.content);
  writer.Put(message.reasoning);
  writer.Put(message.model);
  writer.Put(message.reason);
  writer.Put(message.created_at_ms);
  writer.Put(message.tokens);
}

void Put(Writer& writer, const ConversationTree& tree) {
  const Conversation& head = tree.conversation;
  writer.Put(head.title);
  writer.Put(head.created_at_ms);
  writer.Put(head.updated_at_ms);
  writer.Put(static_cast<std::uint8_t>(head.pinned));
  writer.Put(head.folder);
  writer.Put(static_cast<std::uint32_t>(tree.messages.size()));
  std::unordered_map<std::string_view, std::uint32_t> numbers;
  for (const Message& message : tree.messages) {
    std::uint32_t parent = 0;
    if (message.parent) {
      const auto found = numbers.find(*message.parent);
      CHECK_MSG(found != numbers.end(), "a message before its parent");
      parent = found->second;
    }
    Put(writer, message, parent);
    numbers.emplace(message.id, static_cast<std::uint32_t>(numbers.size() + 1));
  }
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  bool is_empty() const { return rest_.empty(); }

  template <std::integral Number>
  Result<Number> Take() {
    if (rest_.size() < sizeof(Number)) return Fail(ErrorCode::kCorrupt, "it ends in a number");
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < sizeof(Number); ++i) {
      number |= std::uint64_t{static_cast<unsigned char>(rest_[i])} << (8 * i);
    }
    rest_.remove_prefix(sizeof(Number));
    return static_cast<Number>(number);
  }

  Result<std::uint64_t> TakeUpTo(std::uint64_t max) {
    TRY_ASSIGN(const std::uint32_t number, Take<std::uint32_t>());
    if (number > max) return Fail(ErrorCode::kTooLarge, "{} of what may be {}", number, max);
    return number;
  }

  Result<std::uint8_t> TakeByteUpTo(std::uint8_t max) {
    TRY_ASSIGN(const std::uint8_t number, Take<std::uint8_t>());
    if (number > max) return Fail(ErrorCode::kCorrupt, "{} of what may be {}", number, max);
    return number;
  }

  // A time, or a count.
  Result<std::int64_t> TakePositive() {
    TRY_ASSIGN(const std::int64_t number, Take<std::int64_t>());
    if (number < 0) return Fail(ErrorCode::kCorrupt, "a number below 0");
    return number;
  }

  Result<std::string> TakeText(std::size_t bytes_max) {
    TRY_ASSIGN(const std::uint64_t bytes, TakeUpTo(bytes_max));
    if (bytes > rest_.size()) return Fail(ErrorCode::kCorrupt, "it ends in a text");
    const std::string_view text = rest_.substr(0, bytes);
    if (tokenizer::ValidUtf8Prefix(text) != text.size()) {
      return Fail(ErrorCode::kCorrupt, "a text that is not UTF-8");
    }
    rest_.remove_prefix(bytes);
    return std::string(text);
  }

  Result<std::optional<std::string>> TakeOptionalText(std::size_t bytes_max) {
    TRY_ASSIGN(const std::uint8_t is_there, TakeByteUpTo(1));
    if (is_there == 0) return std::nullopt;
    TRY_ASSIGN(std::string text, TakeText(bytes_max));
    return text;
  }

  Result<std::optional<std::int64_t>> TakeOptionalCount() {
    TRY_ASSIGN(const std::uint8_t is_there, TakeByteUpTo(1));
    if (is_there == 0) return std::nullopt;
    TRY_ASSIGN(const std::int64_t count, TakePositive());
    return count;
  }

 private:
  std::string_view rest_;
};

Result<TreeNode> TakeMessage(Reader& reader, std::size_t number) {
  TreeNode node{.id = std::to_string(number)};
  TRY_ASSIGN(const std::uint64_t parent, reader.TakeUpTo(number - 1));
  if (parent > 0) node.parent = std::to_string(parent);
  Message message;
  TRY_ASSIGN(const std::uint8_t role, reader.TakeByteUpTo(kRolesMax));
  message.role = static_cast<Role>(role);
  TRY_ASSIGN(const std::uint8_t state, reader.TakeByteUpTo(kStatesMax));
  message.state = static_cast<MessageState>(state);
  if (message.state == MessageState::kStreaming) {
    return Fail(ErrorCode::kCorrupt, "a message that is being written");
  }
  TRY_ASSIGN(message.content, reader.TakeText(kMessageBytesMax));
  TRY_ASSIGN(message.reasoning, reader.TakeOptionalText(kMessageBytesMax));
  TRY_ASSIGN(message.model, reader.TakeOptionalText(kModelBytesMax));
  TRY_ASSIGN(message.reason, reader.TakeOptionalText(kReasonBytesMax));
  TRY_ASSIGN(message.created_at_ms, reader.TakePositive());
  TRY_ASSIGN(message.tokens, reader.TakeOptionalCount());
  node.message = std::move(message);
  return node;
}

Result<ConversationTree> TakeTree(Reader& reader, std::size_t messages_max) {
  ConversationTree tree;
  Conversation& head = tree.conversation;
  TRY_ASSIGN(head.title, reader.TakeText(kTitleBytesMax));
  TRY_ASSIGN(head.created_at_ms, reader.TakePositive());
  TRY_ASSIGN(head.updated_at_ms, reader.TakePositive());
  if (head.title.empty() || head.updated_at_ms < head.created_at_ms) {
    return Fail(ErrorCode::kCorrupt, "no title, or changed before it was made");
  }
  TRY_ASSIGN(const std::uint8_t is_pinned, reader.TakeByteUpTo(1));
  head.pinned = is_pinned == 1;
  TRY_ASSIGN(head.folder, reader.TakeOptionalText(kFolderBytesMax));
  if (head.folder && head.folder->empty()) return Fail(ErrorCode::kCorrupt, "a folder's name");
  TRY_ASSIGN(const std::uint64_t count, reader.TakeUpTo(messages_max));
  // Not reserved: a count is not yet a message.
  std::vector<TreeNode> nodes;
  for (std::size_t number = 1; number <= count; ++number) {
    TRY_ASSIGN(TreeNode node, TakeMessage(reader, number));
    nodes.push_back(std::move(node));
  }
  TRY_ASSIGN(tree.messages, Flatten(std::move(nodes)));
  return tree;
}

}  // namespace

std::string EncodeTrees(std::span<const ConversationTree> trees) {
  Writer writer;
  writer.Put(static_cast<std::uint32_t>(trees.size()));
  for (const ConversationTree& tree : trees) Put(writer, tree);
  return writer.Take();
}

Result<std::vector<ConversationTree>> DecodeTrees(std::string_view bytes,
                                                  const ImportLimits& limits) {
  Reader reader(bytes);
  TRY_ASSIGN(const std::uint64_t count, reader.TakeUpTo(limits.conversations_max));
  std::size_t messages_left = limits.messages_max;
  std::vector<ConversationTree> trees;
  for (std::size_t i = 0; i < count; ++i) {
    TRY_ASSIGN(ConversationTree tree, TakeTree(reader, messages_left));
    messages_left -= tree.messages.size();
    trees.push_back(std::move(tree));
  }
  if (!reader.is_empty()) return Fail(ErrorCode::kCorrupt, "something after the last conversation");
  return trees;
}

}  // namespace holdfast::conversations
