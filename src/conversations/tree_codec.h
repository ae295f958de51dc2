// Trees as bytes between two processes of one binary: what the reader of an import hands back. Each
// length and index is checked, because the sender may be in a stranger's hands; so are the limits
// of conversation.h. Never stored. Free functions; thread-safe.
//
// Numbers are little-endian. Text: u32 bytes, then UTF-8. Optional: a byte 0 or 1, then the value.
//
//   u32 conversations, each: text title, i64 created_at_ms, i64 updated_at_ms, u8 pinned,
//     optional text folder, u32 messages, each: u32 parent (0: none, else 1 + the number of an
//     earlier message), u8 role, u8 state, text content, optional text reasoning, optional text
//     model, optional text reason, i64 created_at_ms, optional i64 tokens
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "conversations/conversation.h"
#include "conversations/import.h"

namespace holdfast::conversations {

// The trees are as ParseImport returns them.
std::string EncodeTrees(std::span<const ConversationTree> trees);

// As EncodeTrees was given them, with the messages' numbers as their ids. Errors: kCorrupt (no such
// bytes), kTooLarge (over a limit).
[[nodiscard]] Result<std::vector<ConversationTree>> DecodeTrees(std::string_view bytes,
                                                                const ImportLimits& limits = {});

}  // namespace holdfast::conversations
