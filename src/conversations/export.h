// Export: conversations as texts that leave the house. JSON is ours (docs/formats/conversations.md)
// and import.h takes it back; Markdown is for reading. Free functions; thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "conversations/conversation.h"
#include "json/json.h"

namespace holdfast::conversations {

inline constexpr std::string_view kExportFormat = "holdfast-conversations";
inline constexpr std::int64_t kExportVersion = 1;

// A message as it is in the API and in an export.
json::Object JsonOf(const Message& message);

std::string ExportJson(std::span<const ConversationTree> trees, std::int64_t exported_at_ms);

// Every message in the order it came; where the conversation branches, a line says so.
std::string ExportMarkdown(const ConversationTree& tree);

}  // namespace holdfast::conversations
