#include "tokenizer/detokenizer.h"

#include "tokenizer/utf8.h"

namespace holdfast::tokenizer {

std::string Detokenizer::Push(TokenId id) {
  if (tokenizer_.IsSpecial(id)) return {};
  pending_ += tokenizer_.TokenBytes(id);
  std::string_view rest = pending_;
  std::string text;
  while (!rest.empty()) {
    const std::size_t valid = ValidUtf8Prefix(rest);
    text.append(rest.substr(0, valid));
    rest.remove_prefix(valid);
    if (rest.empty()) break;
    const Utf8Step step = NextUtf8(rest);
    if (step.kind == Utf8Step::Kind::kUnfinished) break;
    text.append(kReplacementCharacter);
    rest.remove_prefix(step.bytes);
  }
  pending_ = std::string(rest);
  return text;
}

bool Detokenizer::Breaks(TokenId id) const {
  if (pending_.empty() || tokenizer_.IsSpecial(id)) return false;
  const std::string_view bytes = tokenizer_.TokenBytes(id);
  const bool is_continuation =
      !bytes.empty() && (static_cast<unsigned char>(bytes[0]) & 0xC0) == 0x80;
  return !bytes.empty() && !is_continuation;
}

std::string Detokenizer::Finish() {
  const bool is_unfinished = !pending_.empty();
  pending_.clear();
  return is_unfinished ? std::string(kReplacementCharacter) : std::string();
}

}  // namespace holdfast::tokenizer
