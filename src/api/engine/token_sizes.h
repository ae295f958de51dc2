// TokenSizes: what the tokens of a vocabulary can cost in bytes, from which limits of prompts and
// answers follow. Made once from the tokenizer, then immutable and thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "api/engine/generation_settings.h"
#include "tokenizer/tokenizer.h"

namespace holdfast::api {

class TokenSizes {
 public:
  explicit TokenSizes(const tokenizer::Tokenizer& tokenizer);

  // Text of `bytes` has at least so many tokens.
  std::size_t TokensMin(std::size_t bytes) const;
  // JSON of one token of a whole answer, at most: its text and, with `top_logprobs` >= 0, its log
  // probability and those of the `top_logprobs` likeliest.
  std::size_t AnswerBytesMax(std::int32_t top_logprobs) const;

 private:
  std::size_t longest_bytes_ = 1;  // Of the tokens that text can become.
  std::size_t longest_text_ = 0;   // In JSON, of all tokens.
  // Element n: the JSON of the n+1 largest entries of logprobs together. A step's are all of
  // different tokens, but the one that was taken may come twice.
  std::array<std::size_t, kTopLogprobsMax + 1> largest_entries_{};
};

}  // namespace holdfast::api
