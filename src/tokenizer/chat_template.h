// Chat templates of the families we run, as code, chosen by what the tokenizer's special tokens
// and its Jinja source say (no Jinja interpreter). Immutable, thread-safe.
//
// Special tokens come from the template alone: message content is encoded as ordinary characters,
// so no content can begin or end a turn. (DeepSeek-V2's turns are ordinary text, "User: ", which
// content can imitate; nothing at this level can prevent that.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
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
  // The prompt ends inside the model's thoughts: what it says up to </think> is not the answer.
  bool is_thinking = false;
};

struct RenderOptions {
  // A last message of the assistant is the beginning of the turn to come, not a turn that ended.
  bool continue_last = false;
  // For templates that leave the choice (V3.1): think before answering.
  bool thinking = false;
  // Encoding ends soon after there are more ids than this, for callers who then refuse the prompt.
  std::size_t count_max = std::numeric_limits<std::size_t>::max();
};

inline constexpr std::size_t kChatMessagesMax = 4096;

// Renders the conversation as ids, BOS first where the tokenizer wants one, ready for the
// assistant's turn. Errors: kInvalidArgument (no messages), kTooLarge, kUnsupported (messages of
// tools), kFailedPrecondition (the tokenizer lacks a token of the family).
[[nodiscard]] Result<RenderedPrompt> RenderChat(const Tokenizer& tokenizer, ChatFamily family,
                                                const std::vector<ChatMessage>& messages,
                                                const RenderOptions& options);
[[nodiscard]] Result<RenderedPrompt> RenderChat(const Tokenizer& tokenizer, ChatFamily family,
                                                const std::vector<ChatMessage>& messages,
                                                bool continue_last = false);

}  // namespace holdfast::tokenizer
