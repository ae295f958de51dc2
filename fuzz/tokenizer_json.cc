// tokenizer.json, and after a zero byte tokenizer_config.json. What is accepted must encode any
// bytes and give them back.
#include <cstdint>

#include "base/check.h"
#include "fuzz/input.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  fuzz::Input input(data, size);
  const std::string_view tokenizer_json = input.Text();
  const std::string_view config = input.Text();
  auto spec = tokenizer::SpecFromHuggingFace(tokenizer_json, config);
  if (!spec) return 0;
  const auto made = tokenizer::Tokenizer::Make(std::move(*spec));
  if (!made) return 0;
  const tokenizer::Tokenizer& tokenizer = **made;
  for (const std::string_view text :
       {std::string_view("Hello,  wörld! 12345\n\n你好 <|x|>"), tokenizer_json.substr(0, 200)}) {
    for (const bool parse_special : {false, true}) {
      const auto ids = tokenizer.Encode(text, {.add_bos = true, .parse_special = parse_special});
      for (const auto id : ids) {
        CHECK(id >= 0 && static_cast<std::size_t>(id) < tokenizer.vocab_size());
      }
    }
    if (tokenizer::ValidUtf8Prefix(text) != text.size()) continue;
    CHECK(tokenizer.Decode(tokenizer.Encode(text, {}), /*with_special=*/true) == text);
  }
  return 0;
}
