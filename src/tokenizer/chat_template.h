// Chat templates of the families we run, as code, chosen by what the tokenizer's special tokens
// and its Jinja source say (no Jinja interpreter). Immutable, thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/tokenizer.h"

namespace holdfast::tokenizer {

struct ChatMessage {
  enum class Role : std::uint8_t { kSystem, kUser, kAssistant, kTool } role;
  std::string content;
};

enum class ChatFamily : std::uint8_t {
  kDeepSeekV2,  // "User: ...\n\nAssistant:"
  kDeepSeekV3,  // <｜User｜>...<｜Assistant｜>; also R1, V3.1 and the starter.
  kMoonlight,   // <|im_user|>...; also Kimi-K2.
  kPlain,       // No template in the file: role names and newlines.
};

ChatFamily DetectChatFamily(const Tokenizer& tokenizer);

struct RenderedPrompt {
  std::vector<TokenId> ids;
  std::vector<TokenId> stop_ids;  // Ids that end the assistant's turn.
};

// Renders the conversation as ids, BOS first where the tokenizer wants one, ready for the
// assistant's turn. Content is encoded with parse_special = false. A last message of the assistant
// is continued when `continue_last` is set. Errors: kInvalidArgument (no messages).
[[nodiscard]] Result<RenderedPrompt> RenderChat(const Tokenizer& tokenizer, ChatFamily family,
                                                const std::vector<ChatMessage>& messages,
                                                bool continue_last = false);

}  // namespace holdfast::tokenizer
