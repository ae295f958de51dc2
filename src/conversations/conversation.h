// What a person's history is made of, and its limits. A conversation holds a tree of messages by
// parent: editing a question or asking for another answer makes a branch. Value types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/sealed.h"

namespace holdfast::conversations {

// At each of them the call is refused with kTooLarge.
inline constexpr std::int64_t kConversationsMax = 100'000;  // Of an account.
inline constexpr std::int64_t kMessagesMax = 10'000;        // Of a conversation.
inline constexpr std::size_t kFoldersMax = 1'000;           // Of an account.
inline constexpr std::size_t kTitleBytesMax = 512;
inline constexpr std::size_t kFolderBytesMax = 128;
inline constexpr std::size_t kModelBytesMax = 256;
inline constexpr std::size_t kReasonBytesMax = 256;
inline constexpr std::size_t kMessageBytesMax = 4u << 20;  // Content and reasoning together.
// So that a conversation can be read whole.
inline constexpr std::int64_t kConversationBytesMax = 64 << 20;

enum class Role : std::uint8_t { kUser, kAssistant, kSystem };

enum class MessageState : std::uint8_t {
  kDone,
  kStreaming,    // Being written.
  kInterrupted,  // We stopped in the middle of it; what was written is there.
  kStopped,      // The person said stop.
  kFailed,       // `reason` says why.
};

// The words of the API and of the tables.
std::string_view RoleName(Role role);
std::optional<Role> ParseRole(std::string_view name);
std::string_view StateName(MessageState state);
std::optional<MessageState> ParseState(std::string_view name);

struct Message {
  std::string id = {};
  std::optional<std::string> parent = {};
  Role role = Role::kUser;
  std::string content = {};
  std::optional<std::string> reasoning = {};
  std::optional<std::string> model = {};
  std::int64_t created_at_ms = 0;
  MessageState state = MessageState::kDone;
  std::optional<std::string> reason = {};
  std::optional<std::int64_t> tokens = {};
};

struct Conversation {
  std::string id = {};
  std::string title = {};
  std::int64_t created_at_ms = 0;
  std::int64_t updated_at_ms = 0;
  bool pinned = false;
  std::optional<std::string> folder = {};
};

// A parent stands before its children.
struct ConversationTree {
  Conversation conversation = {};
  std::vector<Message> messages = {};
};

// The data key of an account; what it returns is kept for the call alone. Thread-safe. It may read
// the database, so it is asked before a transaction begins, never inside one.
using DataKeys =
    std::function<Result<std::shared_ptr<const crypto::DataKey>>(std::string_view account_id)>;

// Milliseconds since 1970.
using NowMs = std::function<std::int64_t()>;

}  // namespace holdfast::conversations
