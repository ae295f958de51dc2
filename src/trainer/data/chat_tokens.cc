#include "trainer/data/chat_tokens.h"

#include "trainer/data/vocabulary.h"

namespace holdfast::trainer {

using tokenizer::ChatMessage;

MaskedTokens RenderTrainingChat(const tokenizer::Tokenizer& tokenizer,
                                const std::vector<ChatMessage>& messages) {
  MaskedTokens rendered;
  const auto append = [&](std::int32_t id, bool is_target) {
    rendered.ids.push_back(id);
    rendered.mask.push_back(is_target ? 1 : 0);
  };
  append(kBosId, false);
  for (const ChatMessage& message : messages) {
    const bool is_answer = message.role == ChatMessage::Role::kAssistant;
    if (is_answer) append(kAssistantId, false);
    if (message.role == ChatMessage::Role::kUser) append(kUserId, false);
    for (const std::int32_t id : tokenizer.Encode(message.content, {})) append(id, is_answer);
    if (is_answer) append(kEosId, true);
  }
  return rendered;
}

std::vector<std::int32_t> RenderTrainingText(const tokenizer::Tokenizer& tokenizer,
                                             std::string_view text) {
  std::vector<std::int32_t> ids = tokenizer.Encode(text, {});
  ids.insert(ids.begin(), kBosId);
  ids.push_back(kEosId);
  return ids;
}

}  // namespace holdfast::trainer
