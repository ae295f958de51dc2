#include "conversations/internal/message_tree.h"

#include <ranges>
#include <unordered_map>

#include "conversations/internal/rows.h"

namespace holdfast::conversations {
namespace {

constexpr std::size_t kNone = SIZE_MAX;

// By the place in `nodes`.
struct Shape {
  std::vector<std::vector<std::size_t>> children;
  std::vector<std::size_t> roots;
};

Result<Shape> ShapeOf(const std::vector<TreeNode>& nodes) {
  std::unordered_map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (!places.emplace(nodes[i].id, i).second) {
      return Fail(ErrorCode::kInvalidArgument, "two messages have the same id");
    }
  }
  Shape shape{.children = std::vector<std::vector<std::size_t>>(nodes.size()), .roots = {}};
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const auto parent = nodes[i].parent ? places.find(*nodes[i].parent) : places.end();
    (parent == places.end() ? shape.roots : shape.children[parent->second]).push_back(i);
  }
  return shape;
}

Role OtherRole(Role role) { return role == Role::kUser ? Role::kAssistant : Role::kUser; }

Result<void> CheckLimits(const Message& message, std::size_t count, std::int64_t bytes) {
  if (message.model.value_or("").size() > kModelBytesMax) {
    return Fail(ErrorCode::kTooLarge, "a model name of more than {} bytes", kModelBytesMax);
  }
  if (BytesOf(message) > static_cast<std::int64_t>(kMessageBytesMax)) {
    return Fail(ErrorCode::kTooLarge, "a message of more than {} bytes", kMessageBytesMax);
  }
  if (count > static_cast<std::size_t>(kMessagesMax)) {
    return Fail(ErrorCode::kTooLarge, "more than {} messages", kMessagesMax);
  }
  if (bytes > kConversationBytesMax) {
    return Fail(ErrorCode::kTooLarge, "more than {} bytes", kConversationBytesMax);
  }
  return {};
}

}  // namespace

Result<std::vector<Message>> Flatten(std::vector<TreeNode> nodes) {
  TRY_ASSIGN(const Shape shape, ShapeOf(nodes));
  // A node, and the place in `messages` of what it follows.
  struct Step {
    std::size_t node;
    std::size_t parent;
  };
  std::vector<Step> ahead;
  for (const std::size_t root : std::views::reverse(shape.roots)) ahead.push_back({root, kNone});
  std::vector<Message> messages;
  std::int64_t bytes = 0;
  while (!ahead.empty()) {
    const Step step = ahead.back();
    ahead.pop_back();
    TreeNode& node = nodes[step.node];
    std::size_t place = step.parent;
    if (node.message) {
      Message message = std::move(*node.message);
      message.id = node.id;
      message.parent = std::nullopt;
      if (place != kNone) message.parent = messages[place].id;
      if (!node.has_role) {
        message.role = place == kNone ? Role::kUser : OtherRole(messages[place].role);
      }
      bytes += BytesOf(message);
      TRY(CheckLimits(message, messages.size() + 1, bytes));
      place = messages.size();
      messages.push_back(std::move(message));
    }
    for (const std::size_t child : std::views::reverse(shape.children[step.node])) {
      ahead.push_back({child, place});
    }
  }
  return messages;
}

}  // namespace holdfast::conversations
