// GGUF: every tensor that is accepted lies inside the file; what the metadata says becomes a
// configuration and a tokenizer, or an error that names the file.
#include <cstdint>

#include "base/check.h"
#include "tokenizer/tokenizer.h"
#include "weights/gguf_config.h"
#include "weights/gguf_reader.h"

namespace holdfast::fuzz {
namespace {

void CheckNamesFile(const Error& error) {
  CHECK(error.message.find("fuzz.gguf") != std::string::npos);
}

void TryTokenizer(const weights::TokenizerSource& source) {
  auto spec = tokenizer::SpecFromGguf({source.tokens, source.token_types, source.merges, source.pre,
                                       source.bos_token_id, source.eos_token_id,
                                       source.add_bos_token, source.chat_template});
  if (!spec) return;
  const auto made = tokenizer::Tokenizer::Make(std::move(*spec));
  if (!made) return;
  const std::string text = "Hello,  wörld! 12345\n\n你好 <|x|>";
  CHECK((*made)->Decode((*made)->Encode(text, {}), /*with_special=*/true) == text);
}

}  // namespace
}  // namespace holdfast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  // A heap copy of exactly this size, so that one byte too far is seen.
  const std::vector<std::byte> file(reinterpret_cast<const std::byte*>(data),
                                    reinterpret_cast<const std::byte*>(data) + size);
  const auto contents = weights::ReadGguf(file, "fuzz.gguf");
  if (!contents) {
    fuzz::CheckNamesFile(contents.error());
    return 0;
  }
  for (const weights::NamedTensor& tensor : contents->tensors) {
    const std::size_t bytes = tensor.view.Bytes();
    if (bytes == 0) continue;
    CHECK(tensor.view.data >= file.data() && bytes <= file.size());
    CHECK(tensor.view.data + bytes <= file.data() + file.size());
  }
  const auto config = weights::ConfigFromGguf(*contents, "fuzz.gguf");
  if (!config) fuzz::CheckNamesFile(config.error());
  const auto source = weights::TokenizerFromGguf(contents->metadata, "fuzz.gguf");
  if (!source) {
    fuzz::CheckNamesFile(source.error());
  } else {
    fuzz::TryTokenizer(*source);
  }
  return 0;
}
