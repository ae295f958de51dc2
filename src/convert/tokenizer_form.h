// A tokenizer in its two forms: the arrays of a GGUF, and the text of tokenizer.json with
// tokenizer_config.json. Pure functions; thread-safe.
#pragma once

#include <string>

#include "base/result.h"
#include "tokenizer/tokenizer.h"
#include "weights/checkpoint.h"

namespace holdfast::convert {

// What a checkpoint says of its tokenizer in all its files, of either form: everything that is read
// is handed on. Errors: kNotFound (there is no tokenizer), kTooLarge (more end ids than
// Tokenizer::kEndsMax), and those of SpecFromHuggingFace and SpecFromGguf.
[[nodiscard]] Result<tokenizer::Spec> TokenizerSpec(const weights::TokenizerSource& source);

// The GGUF form of either form; a source without a tokenizer gives one without tokens. `vocab_size`
// fills up with unused tokens, as GGUF wants one for every row of the embedding. Errors:
// kUnsupported (a pre-tokenizer that GGUF has no name for), and those of SpecFromHuggingFace.
[[nodiscard]] Result<weights::TokenizerSource> ToGgufTokenizer(
    const weights::TokenizerSource& source, std::int64_t vocab_size);

struct TokenizerTexts {
  std::string tokenizer_json;  // Empty: the source has no tokenizer.
  std::string tokenizer_config_json;
  std::string chat_template;  // Only where the source keeps it in a file of its own.
};

// The Hugging Face form of either form; what is Hugging Face's already stays byte for byte.
[[nodiscard]] Result<TokenizerTexts> ToHfTokenizer(const weights::TokenizerSource& source);

}  // namespace holdfast::convert
