// Detokenizer: turns a stream of ids into UTF-8 text, one per stream, single-threaded. Emits only
// whole characters: bytes of an unfinished character wait for the next token; bytes that can never
// become one are replaced by U+FFFD.
#pragma once

#include <string>

#include "tokenizer/tokenizer.h"

namespace holdfast::tokenizer {

class Detokenizer {
 public:
  // The tokenizer must outlive this.
  explicit Detokenizer(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  // Text that became complete with this token; special tokens give nothing.
  std::string Push(TokenId id);
  // True when the start of a character is pending that cannot go on with this token: the pending
  // bytes will show as U+FFFD before the token's own text.
  bool Breaks(TokenId id) const;
  // What is left at the end of the stream, with U+FFFD for an unfinished character.
  std::string Finish();

 private:
  const Tokenizer& tokenizer_;
  std::string pending_;  // At most 3 bytes: the start of one character.
};

}  // namespace holdfast::tokenizer
