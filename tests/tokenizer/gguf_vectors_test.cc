// A real vocabulary on its whole way: written as a GGUF file, read back, made a tokenizer, and held
// to the published vectors.
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tensor/mapped_file.h"
#include "tokenizer/test_vocabulary.h"
#include "tokenizer/tokenizer.h"
#include "weights/gguf_config.h"
#include "weights/gguf_reader.h"
#include "weights/gguf_writer.h"

namespace holdfast {
namespace {

using weights::GgufValue;

weights::GgufMetadata MetadataOf(const tokenizer::TestVocabulary& vocabulary) {
  return {
      {"general.architecture", GgufValue::String("deepseek2")},
      {"tokenizer.ggml.model", GgufValue::String("gpt2")},
      {"tokenizer.ggml.pre", GgufValue::String("deepseek-llm")},
      {"tokenizer.ggml.tokens", GgufValue::Strings(vocabulary.tokens)},
      {"tokenizer.ggml.token_type",
       GgufValue::Int32s({vocabulary.types.begin(), vocabulary.types.end()})},
      {"tokenizer.ggml.merges", GgufValue::Strings(vocabulary.merges)},
      {"tokenizer.ggml.bos_token_id", GgufValue::U32(static_cast<std::uint32_t>(vocabulary.bos))},
      {"tokenizer.ggml.eos_token_id", GgufValue::U32(static_cast<std::uint32_t>(vocabulary.eos))},
      {"tokenizer.ggml.add_bos_token", GgufValue::Bool(true)},
  };
}

TEST(GgufTokenizer, AgreesWithThePublishedVectorsAfterAFile) {
  const auto path =
      std::filesystem::temp_directory_path() / fmt::format("vocabulary_{}.gguf", ::getpid());
  const auto vocabulary = tokenizer::LoadDeepSeekLlm(HOLDFAST_SOURCE_DIR);
  auto writer = weights::GgufWriter::Create(path, MetadataOf(vocabulary), {});
  ASSERT_TRUE(writer) << writer.error().message;
  ASSERT_TRUE(writer->Finish());
  const auto file = tensor::MappedFile::Open(path);
  ASSERT_TRUE(file) << file.error().message;
  std::filesystem::remove(path);

  const auto contents = weights::ReadGguf(file->bytes(), "vocabulary.gguf");
  ASSERT_TRUE(contents) << contents.error().message;
  const auto source = weights::TokenizerFromGguf(contents->metadata, "vocabulary.gguf");
  ASSERT_TRUE(source) << source.error().message;
  auto spec = tokenizer::SpecFromGguf({source->tokens, source->token_types, source->merges,
                                       source->pre, source->bos_token_id, source->eos_token_id,
                                       source->add_bos_token, source->chat_template});
  ASSERT_TRUE(spec) << spec.error().message;
  const auto made = tokenizer::Tokenizer::Make(std::move(*spec));
  ASSERT_TRUE(made) << made.error().message;

  const std::string stem = std::string(HOLDFAST_SOURCE_DIR) + "/tests/data/tokenizer/deepseek-llm";
  std::string texts = tokenizer::ReadTestFile(stem + ".inp");
  std::istringstream lines(tokenizer::ReadTestFile(stem + ".out"));
  const std::string separator = "\n__ggml_vocab_test__\n";
  int count = 0;
  for (std::size_t end; (end = texts.find(separator)) != std::string::npos; ++count) {
    std::string line;
    std::getline(lines, line);
    std::istringstream words(line);
    std::vector<tokenizer::TokenId> wanted;
    for (tokenizer::TokenId id; words >> id;) wanted.push_back(id);
    EXPECT_EQ((*made)->Encode(texts.substr(0, end), {}), wanted) << "text " << count;
    texts.erase(0, end + separator.size());
  }
  EXPECT_EQ(count, 46);
}

}  // namespace
}  // namespace holdfast
