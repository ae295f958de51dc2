// ChatRequest: the body of POST /v1/chat/completions, checked. Value type.
#pragma once

#include <string_view>
#include <vector>

#include "api/engine/generation_settings.h"
#include "tokenizer/chat_template.h"

namespace holdfast::api {

inline constexpr std::size_t kMessagesMax = 2048;
inline constexpr std::size_t kContentPartsMax = 256;

struct ChatRequest {
  GenerationSettings settings;
  std::vector<tokenizer::ChatMessage> messages;  // At least one.
  bool continues_last = false;                   // The last message is the beginning of the answer.
};

// Unknown fields are ignored, as clients send many; known ones that ask for what is not there are
// refused by name.
ApiResult<ChatRequest> ParseChatRequest(const json::Object& body, std::int64_t vocab_size);
ApiResult<ChatRequest> ParseChatRequest(std::string_view body, std::int64_t vocab_size);

}  // namespace holdfast::api
