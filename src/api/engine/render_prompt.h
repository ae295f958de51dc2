// RenderPrompt: a chat request's conversation as ids, within what the context can hold. Free
// function, thread-safe; takes as long as the conversation is.
#pragma once

#include "api/engine/chat_request.h"
#include "api/engine/engine_service.h"

namespace holdfast::api {

// Text that cannot fit the context is refused before it is encoded. Of a prompt that turns out too
// long there may be no more ids than show it.
ApiResult<tokenizer::RenderedPrompt> RenderPrompt(const EngineService& service,
                                                  const ChatRequest& chat);

}  // namespace holdfast::api
