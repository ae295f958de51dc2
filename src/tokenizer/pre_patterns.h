// The published pre-tokenizer patterns by name, in the syntax of tokenizer.json. A free function,
// thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast::tokenizer {

// deepseek-llm, deepseek-coder, deepseek-v3 (also deepseek-r1), kimi-k2 (also moonlight), qwen2,
// llama-bpe (also llama3), gpt-2. Errors: kUnsupported.
[[nodiscard]] Result<std::vector<std::string>> NamedPrePatterns(std::string_view name);

}  // namespace holdfast::tokenizer
