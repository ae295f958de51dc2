// Chat tokens: a conversation as the ids that training sees, in DeepSeek-V3's form, with the mask
// of the assistant's words. The same ids as tokenizer::RenderChat makes turn by turn (a test holds
// them together); here a whole chat is rendered at once and every answer ends with EOS.
// Free functions; thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "tokenizer/chat_template.h"
#include "tokenizer/tokenizer.h"

namespace holdfast::trainer {

struct MaskedTokens {
  std::vector<std::int32_t> ids;
  std::vector<std::uint8_t> mask;  // 1: a token of the assistant's answer or the EOS after it.
};

// The tokenizer must have the special tokens of trainer/data/vocabulary.h.
MaskedTokens RenderTrainingChat(const tokenizer::Tokenizer& tokenizer,
                                const std::vector<tokenizer::ChatMessage>& messages);

// BOS, the text, EOS.
std::vector<std::int32_t> RenderTrainingText(const tokenizer::Tokenizer& tokenizer,
                                             std::string_view text);

}  // namespace holdfast::trainer
