// Detokenizer: a stream of ids gives, piece by piece, valid UTF-8 that adds up to decoding at once.
// Each byte is an id: 0..255 of a vocabulary whose tokens are bytes and pairs of bytes.
#include "tokenizer/detokenizer.h"

#include <cstdint>

#include "base/check.h"
#include "fuzz/input.h"
#include "tokenizer/byte_alphabet.h"
#include "tokenizer/utf8.h"

namespace holdfast::fuzz {
namespace {

std::unique_ptr<const tokenizer::Tokenizer> MakeTokenizer() {
  using tokenizer::Spec;
  Spec spec;
  for (int byte = 0; byte < 256; ++byte) {
    spec.tokens.push_back({tokenizer::ToByteAlphabet(std::string(1, static_cast<char>(byte))),
                           Spec::Token::Kind::kNormal});
  }
  for (const char* bytes : {"\xE4\xBD", "\xBD\xA0", "a\xF0", "\x9F\xA6", "\x99z", "\xC3"}) {
    spec.tokens.push_back({tokenizer::ToByteAlphabet(bytes), Spec::Token::Kind::kNormal});
  }
  spec.tokens.push_back({"<s>", Spec::Token::Kind::kControl});
  auto made = tokenizer::Tokenizer::Make(std::move(spec));
  CHECK(made.has_value());
  return std::move(*made);
}

}  // namespace
}  // namespace holdfast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  static const auto kTokenizer = fuzz::MakeTokenizer();
  std::vector<tokenizer::TokenId> ids;
  for (std::size_t i = 0; i < size; ++i) {
    // Letters a reader would not miss stand for the longer tokens and one out of range.
    const int shifted = data[i] >= 'p' && data[i] <= 'w' ? data[i] - 'p' + 256 : data[i];
    ids.push_back(shifted);
  }
  tokenizer::Detokenizer stream(*kTokenizer);
  std::string streamed;
  for (const auto id : ids) {
    const std::string text = stream.Push(id);
    CHECK(tokenizer::ValidUtf8Prefix(text) == text.size());
    streamed += text;
  }
  streamed += stream.Finish();
  const std::string whole = kTokenizer->Decode(ids);
  CHECK(streamed == tokenizer::ReplaceInvalidUtf8(whole));
  // And back through the tokenizer: any bytes come back.
  CHECK(kTokenizer->Decode(kTokenizer->Encode(whole, {})) == whole);
  return 0;
}
