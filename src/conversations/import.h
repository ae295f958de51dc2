// Import: conversations from a JSON text of ours, of ChatGPT (conversations.json), of Open WebUI or
// of DeepSeek (conversations.json); which one is seen from its shape. Unknown members are passed
// over, and so are messages without text; titles that are too long are cut. Free functions;
// thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "conversations/conversation.h"

namespace holdfast::conversations {

struct ImportLimits {
  std::size_t text_bytes_max = 64u << 20;
  std::size_t depth_max = 64;
  std::size_t conversations_max = 20'000;
  // Over all conversations; each has at most kMessagesMax and kConversationBytesMax.
  std::size_t messages_max = 200'000;
};

// Of one conversation, as JSON, whose every byte may be escaped.
inline constexpr ImportLimits kSnapshotLimits{
    .text_bytes_max = 6u * static_cast<std::size_t>(kConversationBytesMax) + (16u << 20),
    .conversations_max = 1,
    .messages_max = static_cast<std::size_t>(kMessagesMax)};

// Every conversation it returns can be stored: parents stand before their children, ids are those
// of the file and unique in it, nothing is over a limit of conversation.h. Errors: kInvalidArgument
// (not JSON, or none of the formats; the message says which conversation is wrong), kUnsupported
// (a newer version of ours), kTooLarge.
[[nodiscard]] Result<std::vector<ConversationTree>> ParseImport(std::string_view text,
                                                                const ImportLimits& limits = {});

}  // namespace holdfast::conversations
