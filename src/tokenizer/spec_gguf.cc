// SpecFromGguf: the tokenizer.ggml.* arrays of a GGUF file.
#include "tokenizer/pre_patterns.h"
#include "tokenizer/special_text.h"
#include "tokenizer/tokenizer.h"

namespace holdfast::tokenizer {
namespace {

using Kind = Spec::Token::Kind;

// Token types of the GGUF format, in its numbers.
Result<Kind> KindOf(std::int32_t type, std::size_t id, std::string_view text) {
  switch (type) {
    case 1:  // Normal.
      return Kind::kNormal;
    case 2:  // Unknown: stands for what cannot be encoded, which byte-level BPE never needs.
    case 3:  // Control.
      return Kind::kControl;
    case 4:  // User defined.
      return LooksLikeControl(text) ? Kind::kControl : Kind::kUserDefined;
    case 5:  // Unused.
      return Kind::kUnused;
    case 6:  // Byte.
      return Kind::kByte;
    default:
      return Fail(ErrorCode::kInvalidArgument, "token {} has type {}, not 1..6", id, type);
  }
}

Result<TokenId> CheckId(std::int64_t id, std::string_view name, std::size_t count) {
  if (id < -1 || id >= static_cast<std::int64_t>(count)) {
    return Fail(ErrorCode::kInvalidArgument, "{} {} is outside the {} tokens", name, id, count);
  }
  return static_cast<TokenId>(id);
}

}  // namespace

Result<Spec> SpecFromGguf(const GgufTokenizer& source) {
  const std::size_t count = source.tokens.size();
  if (count > Tokenizer::kTokensMax || source.merges.size() > Tokenizer::kMergesMax) {
    return Fail(ErrorCode::kTooLarge,
                "tokenizer of {} tokens and {} merges is over the limit of {}", count,
                source.merges.size(), Tokenizer::kTokensMax);
  }
  if (!source.token_types.empty() && source.token_types.size() != count) {
    return Fail(ErrorCode::kInvalidArgument, "{} token types for {} tokens",
                source.token_types.size(), count);
  }
  Spec spec;
  TRY_ASSIGN(spec.pre_patterns, NamedPrePatterns(source.pre));
  spec.tokens.reserve(count);
  for (std::size_t id = 0; id < count; ++id) {
    const std::int32_t type = source.token_types.empty() ? 1 : source.token_types[id];
    TRY_ASSIGN(const Kind kind, KindOf(type, id, source.tokens[id]));
    spec.tokens.push_back({source.tokens[id], kind});
  }
  spec.merges.reserve(source.merges.size());
  for (std::size_t rank = 0; rank < source.merges.size(); ++rank) {
    const std::string& merge = source.merges[rank];
    const std::size_t space = merge.find(' ');
    if (space == std::string::npos || merge.find(' ', space + 1) != std::string::npos) {
      return Fail(ErrorCode::kInvalidArgument, "merge {} is not two tokens with a space between",
                  rank);
    }
    spec.merges.emplace_back(merge.substr(0, space), merge.substr(space + 1));
  }
  TRY_ASSIGN(spec.bos, CheckId(source.bos_token_id, "bos_token_id", count));
  TRY_ASSIGN(spec.eos, CheckId(source.eos_token_id, "eos_token_id", count));
  spec.add_bos = source.add_bos_token;
  spec.chat_template = source.chat_template;
  return spec;
}

}  // namespace holdfast::tokenizer
