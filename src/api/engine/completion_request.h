// CompletionRequest: the body of POST /v1/completions, checked. Value type.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/engine/generation_settings.h"

namespace holdfast::api {

inline constexpr std::size_t kPromptsMax = 8;

struct CompletionRequest {
  using Prompt = std::variant<std::string, std::vector<engine::TokenId>>;
  GenerationSettings settings;  // max_tokens is set.
  std::vector<Prompt> prompts;  // At least one.
  bool echoes = false;
};

// At most kChoicesMax answers in all: prompts times n.
ApiResult<CompletionRequest> ParseCompletionRequest(std::string_view body, std::int64_t vocab_size,
                                                    std::size_t prompt_tokens_max);

}  // namespace holdfast::api
