// Vocabularies and characters for tests: a real vocabulary from tests/data and small ones made on
// the spot. Tests only.
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "tokenizer/byte_alphabet.h"
#include "tokenizer/tokenizer.h"

namespace holdfast::tokenizer {

inline std::string ReadTestFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  CHECK_MSG(file.good(), "cannot read {}", path);
  std::stringstream content;
  content << file.rdbuf();
  return std::move(content).str();
}

inline std::string EncodeUtf8(char32_t code_point) {
  const auto tail = [&](int shift) {
    return static_cast<char>(0x80 | (code_point >> shift & 0x3F));
  };
  if (code_point < 0x80) return {static_cast<char>(code_point)};
  if (code_point < 0x800) return {static_cast<char>(0xC0 | code_point >> 6), tail(0)};
  if (code_point < 0x10000) {
    return {static_cast<char>(0xE0 | code_point >> 12), tail(6), tail(0)};
  }
  return {static_cast<char>(0xF0 | code_point >> 18), tail(12), tail(6), tail(0)};
}

// The arrays of a GGUF tokenizer, owned.
struct TestVocabulary {
  std::vector<std::string> tokens;
  std::vector<std::int32_t> types;
  std::vector<std::string> merges;
  std::int64_t bos = -1;
  std::int64_t eos = -1;

  GgufTokenizer Gguf(std::string_view pre, std::string_view chat_template = {}) const {
    return {tokens, types, merges, pre, bos, eos, true, chat_template};
  }
};

// DeepSeek LLM's vocabulary; the file's format is told in its README.
inline TestVocabulary LoadDeepSeekLlm(const std::string& source_dir) {
  std::istringstream file(ReadTestFile(source_dir + "/tests/data/tokenizer/deepseek-llm.vocab"));
  TestVocabulary vocabulary;
  std::size_t token_count = 0;
  std::size_t merge_count = 0;
  file >> token_count >> merge_count >> vocabulary.bos >> vocabulary.eos;
  vocabulary.tokens.resize(token_count);
  vocabulary.types.resize(token_count);
  for (std::size_t id = 0; id < token_count; ++id) {
    file >> vocabulary.types[id];
    file.get();
    std::getline(file, vocabulary.tokens[id]);
  }
  for (std::size_t rank = 0; rank < merge_count; ++rank) {
    std::size_t id = 0;
    std::size_t left_bytes = 0;
    file >> id >> left_bytes;
    const std::string& token = vocabulary.tokens.at(id);
    vocabulary.merges.push_back(token.substr(0, left_bytes) + " " + token.substr(left_bytes));
  }
  CHECK(file.good());
  return vocabulary;
}

// All bytes, the merges given as pairs of raw bytes, then the specials as control tokens.
// Ids: byte b is b, merge i is 256 + i, special j is 256 + merges + j.
inline Spec SmallSpec(const std::vector<std::pair<std::string, std::string>>& merges,
                      const std::vector<std::string>& specials,
                      std::vector<std::string> pre_patterns = {}) {
  using Kind = Spec::Token::Kind;
  Spec spec;
  for (int byte = 0; byte < 256; ++byte) {
    spec.tokens.push_back({ToByteAlphabet(std::string(1, static_cast<char>(byte))), Kind::kNormal});
  }
  for (const auto& [left, right] : merges) {
    spec.merges.emplace_back(ToByteAlphabet(left), ToByteAlphabet(right));
    spec.tokens.push_back({ToByteAlphabet(left + right), Kind::kNormal});
  }
  for (const std::string& special : specials) spec.tokens.push_back({special, Kind::kControl});
  spec.pre_patterns = std::move(pre_patterns);
  spec.add_bos = false;
  return spec;
}

}  // namespace holdfast::tokenizer
