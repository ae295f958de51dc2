// How fast is encoding, on one core? English text and code through DeepSeek's vocabulary of 100 000
// tokens, in documents of 4 KiB. Counters: bytes of text a second.
#include <string>

#include <benchmark/benchmark.h>

#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/test_vocabulary.h"
#include "tokenizer/tokenizer.h"

namespace holdfast::bench {
namespace {

constexpr std::size_t kDocumentBytes = 4096;

// Our own documentation and sources stand for English and code.
std::string ReadCorpus(bool is_code) {
  const std::string root = HOLDFAST_SOURCE_DIR;
  std::string text;
  for (const char* file : {is_code ? "/src/tokenizer/tokenizer.cc" : "/CONTRIBUTING.md",
                           is_code ? "/src/tokenizer/chat_template.cc" : "/docs/ARCHITECTURE.md",
                           is_code ? "/src/tokenizer/spec_hugging_face.cc" : "/docs/GLOSSARY.md"}) {
    text += tokenizer::ReadTestFile(root + file);
  }
  return text;
}

void Encode(benchmark::State& state, const std::string& pre, bool is_code) {
  const auto vocabulary = tokenizer::LoadDeepSeekLlm(HOLDFAST_SOURCE_DIR);
  auto spec = tokenizer::SpecFromGguf(vocabulary.Gguf(pre));
  CHECK(spec.has_value());
  const auto tokenizer = tokenizer::Tokenizer::Make(std::move(*spec));
  CHECK(tokenizer.has_value());
  const std::string text = ReadCorpus(is_code);
  std::int64_t bytes = 0;
  for ([[maybe_unused]] auto _ : state) {
    for (std::size_t at = 0; at < text.size(); at += kDocumentBytes) {
      const auto document = std::string_view(text).substr(at, kDocumentBytes);
      benchmark::DoNotOptimize((*tokenizer)->Encode(document, {}));
    }
    bytes += static_cast<std::int64_t>(text.size());
  }
  state.SetBytesProcessed(bytes);
}

BENCHMARK_CAPTURE(Encode, deepseek_llm_english, "deepseek-llm", false);
BENCHMARK_CAPTURE(Encode, deepseek_v3_english, "deepseek-v3", false);
BENCHMARK_CAPTURE(Encode, deepseek_v3_code, "deepseek-v3", true);
BENCHMARK_CAPTURE(Encode, kimi_k2_english, "kimi-k2", false);

}  // namespace
}  // namespace holdfast::bench

BENCHMARK_MAIN();
