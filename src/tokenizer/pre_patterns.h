// Pre-tokenizer patterns: the published ones by name, and the translation of tokenizer.json's
// syntax (Oniguruma) into PCRE2 with the same meaning. Free functions, thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast::tokenizer {

// deepseek-llm, deepseek-coder, deepseek-v3 (also deepseek-r1), kimi-k2 (also moonlight), qwen2,
// llama-bpe (also llama3), gpt-2. Errors: kUnsupported.
[[nodiscard]] Result<std::vector<std::string>> NamedPrePatterns(std::string_view name);

// Differences that are translated: \s and \S (Unicode White_Space), script names (\p{Han}) and
// intersections [A&&[^B]]. Errors: kUnsupported (other nested classes, \h), kInvalidArgument.
[[nodiscard]] Result<std::string> ToPcreSyntax(std::string_view pattern);

}  // namespace holdfast::tokenizer
