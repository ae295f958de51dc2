#include "api/engine/render_prompt.h"

#include "api/engine/engine_errors.h"
#include "api/engine/model_check.h"

namespace holdfast::api {

ApiResult<tokenizer::RenderedPrompt> RenderPrompt(const EngineService& service,
                                                  const ChatRequest& chat) {
  std::size_t bytes = 0;
  for (const tokenizer::ChatMessage& message : chat.messages) bytes += message.content.size();
  TRY(CheckTextBytes(service, bytes, "messages"));
  tokenizer::RenderOptions options;
  options.continue_last = chat.continues_last;
  options.count_max = static_cast<std::size_t>(service.context_max);
  Result<tokenizer::RenderedPrompt> prompt =
      tokenizer::RenderChat(service.tokenizer, service.family, chat.messages, options);
  if (!prompt) return std::unexpected(RenderError(prompt.error()));
  return std::move(*prompt);
}

}  // namespace holdfast::api
