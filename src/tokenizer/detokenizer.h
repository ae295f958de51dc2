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
  // What is left at the end of the stream, with U+FFFD for an unfinished character.
  std::string Finish();

 private:
  const Tokenizer& tokenizer_;
  std::string pending_;  // At most 3 bytes: the start of one character.
};

}  // namespace holdfast::tokenizer
