#include "conversations/conversation.h"

#include <array>
#include <utility>

namespace holdfast::conversations {
namespace {

constexpr auto kRoles = std::to_array<std::pair<Role, std::string_view>>({
    {Role::kUser, "user"},
    {Role::kAssistant, "assistant"},
    {Role::kSystem, "system"},
});

constexpr auto kStates = std::to_array<std::pair<MessageState, std::string_view>>({
    {MessageState::kDone, "done"},
    {MessageState::kStreaming, "streaming"},
    {MessageState::kInterrupted, "interrupted"},
    {MessageState::kStopped, "stopped"},
    {MessageState::kFailed, "failed"},
});

template <typename Table, typename Key>
std::string_view NameIn(const Table& table, Key key) {
  for (const auto& [value, name] : table) {
    if (value == key) return name;
  }
  return {};
}

template <typename Key, typename Table>
std::optional<Key> KeyIn(const Table& table, std::string_view name) {
  for (const auto& [value, known] : table) {
    if (known == name) return value;
  }
  return std::nullopt;
}

}  // namespace

std::string_view RoleName(Role role) { return NameIn(kRoles, role); }
std::optional<Role> ParseRole(std::string_view name) { return KeyIn<Role>(kRoles, name); }
std::string_view StateName(MessageState state) { return NameIn(kStates, state); }
std::optional<MessageState> ParseState(std::string_view name) {
  return KeyIn<MessageState>(kStates, name);
}

}  // namespace holdfast::conversations
