// The formats of the import, one conversation each: how it is recognised and how it is read. Each
// reader takes any JSON object; members of the wrong type are as good as absent. Free functions.
#pragma once

#include <string>

#include "base/result.h"
#include "conversations/conversation.h"
#include "json/json.h"

namespace holdfast::conversations {

// Ours, as export.cc writes it.
[[nodiscard]] Result<ConversationTree> ReadOurs(const json::Object& conversation);

// {"title", "create_time", "update_time", "mapping": {ID: {"parent", "message": {"author":
// {"role"}, "create_time", "content": {"content_type", "parts"}, "metadata": {"model_slug"}}}}};
// times are seconds. Messages of tools and hidden ones are passed over; "thoughts" are reasoning.
bool IsChatGpt(const json::Object& conversation);
[[nodiscard]] Result<ConversationTree> ReadChatGpt(const json::Object& conversation);

// {"title", "created_at", "updated_at", "pinned", "chat": {"history": {"messages": {ID:
// {"parentId", "role", "content", "model", "timestamp"}}}}}; times are seconds. Reasoning stands in
// the content as <details type="reasoning">.
bool IsOpenWebUi(const json::Object& conversation);
[[nodiscard]] Result<ConversationTree> ReadOpenWebUi(const json::Object& conversation);

// {"title", "inserted_at", "updated_at", "mapping": {ID: {"parent", "message": {"model",
// "inserted_at", "fragments": [{"type": "REQUEST" | "THINK" | "RESPONSE", "content"}]}}}}; older
// ones have "content" and "reasoning_content" for the fragments, and no role. Times are ISO 8601.
bool IsDeepSeek(const json::Object& conversation);
[[nodiscard]] Result<ConversationTree> ReadDeepSeek(const json::Object& conversation);

// Milliseconds since 1970 of "2026-11-30T12:00:00.5+08:00"; 0 when it is not such a time.
std::int64_t ParseIsoTimeMs(std::string_view text);

}  // namespace holdfast::conversations
