// Chat rendering: whatever the messages hold, the special tokens of a prompt are the template's.
// Bytes: the tokenizer's choice, options, then messages of a role byte and text up to a zero.
#include <algorithm>
#include <array>
#include <cstdint>

#include "base/check.h"
#include "fuzz/input.h"
#include "tokenizer/byte_alphabet.h"
#include "tokenizer/chat_template.h"

namespace holdfast::fuzz {
namespace {

using tokenizer::ChatMessage;
using tokenizer::Spec;
using tokenizer::TokenId;
using tokenizer::Tokenizer;

constexpr TokenId kFirstSpecial = 256;

std::unique_ptr<const Tokenizer> MakeTokenizer(const std::vector<std::string>& specials,
                                               std::string_view source) {
  Spec spec;
  for (int byte = 0; byte < 256; ++byte) {
    spec.tokens.push_back({tokenizer::ToByteAlphabet(std::string(1, static_cast<char>(byte))),
                           Spec::Token::Kind::kNormal});
  }
  for (const std::string& text : specials) {
    spec.tokens.push_back({text, Spec::Token::Kind::kControl});
  }
  spec.bos = kFirstSpecial;
  spec.eos = kFirstSpecial + 1;
  spec.chat_template = source;
  spec.pre_patterns = {R"(\s+)"};
  auto made = Tokenizer::Make(std::move(spec));
  CHECK(made.has_value());
  return std::move(*made);
}

const Tokenizer& TokenizerOf(std::size_t index) {
  const std::vector<std::string> v3{"<｜begin▁of▁sentence｜>",
                                    "<｜end▁of▁sentence｜>",
                                    "<｜User｜>",
                                    "<｜Assistant｜>",
                                    "<think>",
                                    "</think>"};
  static const std::array<std::unique_ptr<const Tokenizer>, 6> kTokenizers{
      MakeTokenizer(v3, ""),
      MakeTokenizer(v3, "{% if '</think>' in content %}{{ '<｜Assistant｜><think>\\n' }}"),
      MakeTokenizer(v3, "{% if '</think>' in content %}{% if not thinking %}"),
      MakeTokenizer({v3[0], v3[1]}, ""),
      MakeTokenizer({"[BOS]", "[EOS]", "<|im_end|>", "<|im_user|>", "<|im_assistant|>",
                     "<|im_system|>", "<|im_middle|>"},
                    "<|im_system|>system<|im_middle|>Be good<|im_end|>"),
      MakeTokenizer({"<s>", "</s>"}, ""),
  };
  return *kTokenizers[index % kTokenizers.size()];
}

std::vector<TokenId> SpecialsOf(const std::vector<TokenId>& ids) {
  std::vector<TokenId> specials;
  std::copy_if(ids.begin(), ids.end(), std::back_inserter(specials),
               [](TokenId id) { return id >= kFirstSpecial; });
  return specials;
}

}  // namespace
}  // namespace holdfast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  fuzz::Input input(data, size);
  const tokenizer::Tokenizer& tokenizer = fuzz::TokenizerOf(input.Byte());
  const std::uint8_t bits = input.Byte();
  const tokenizer::RenderOptions options{.continue_last = (bits & 1) != 0,
                                         .thinking = (bits & 2) != 0};
  std::vector<tokenizer::ChatMessage> messages;
  while (!input.empty() && messages.size() < 64) {
    const auto role = static_cast<tokenizer::ChatMessage::Role>(input.Byte() % 3);
    messages.push_back({role, std::string(input.Text())});
  }
  const auto family = tokenizer::DetectChatFamily(tokenizer);
  const auto prompt = tokenizer::RenderChat(tokenizer, family, messages, options);
  CHECK(prompt.has_value() == !messages.empty());
  if (!prompt) return 0;
  // The same conversation with harmless contents; an answer that is continued may begin with the
  // model's own <think>.
  for (tokenizer::ChatMessage& message : messages) {
    message.content = message.content.starts_with("<think>") ? "<think>x" : "x";
  }
  const auto harmless = tokenizer::RenderChat(tokenizer, family, messages, options);
  CHECK(harmless.has_value());
  CHECK(fuzz::SpecialsOf(prompt->ids) == fuzz::SpecialsOf(harmless->ids));
  return 0;
}
