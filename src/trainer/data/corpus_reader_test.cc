#include "trainer/data/corpus_reader.h"

#include <fstream>

#include <gtest/gtest.h>
#include <zstd.h>

namespace holdfast::trainer {
namespace {

std::filesystem::path WriteTemp(const std::string& name, const std::string& bytes) {
  std::filesystem::path path = std::filesystem::path(testing::TempDir()) / name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

std::string Compress(const std::string& plain) {
  std::string packed(ZSTD_compressBound(plain.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), 3));
  return packed;
}

TEST(ReadPlainFile, ReadsPlainAndCompressedAlike) {
  std::string plain;
  for (int i = 0; i < 50000; ++i) plain += "line " + std::to_string(i) + "\n";
  EXPECT_EQ(*ReadPlainFile(WriteTemp("reader.txt", plain)), plain);
  EXPECT_EQ(*ReadPlainFile(WriteTemp("reader.txt.zst", Compress(plain))), plain);
}

TEST(ReadPlainFile, NamesWhatIsWrong) {
  const auto missing = ReadPlainFile("/nonexistent/x.txt");
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_NE(missing.error().message.find("x.txt"), std::string::npos);

  const std::string packed = Compress(std::string(100000, 'a') + "end");
  const auto cut = ReadPlainFile(WriteTemp("cut.zst", packed.substr(0, packed.size() - 5)));
  EXPECT_EQ(cut.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(ReadPlainFile(WriteTemp("noise.zst", "not zstd at all")).error().code,
            ErrorCode::kCorrupt);
}

TEST(ReadPlainFile, StopsADecompressionBombAtTheLimit) {
  const auto path = WriteTemp("bomb.zst", Compress(std::string(10 << 20, '\0')));
  EXPECT_EQ(ReadPlainFile(path, {.plain_bytes_max = 1 << 20}).error().code, ErrorCode::kTooLarge);
}

TEST(SplitDocuments, SplitsAtSeparatorLinesAndKeepsLineNumbers) {
  const auto documents = SplitDocuments("\none\n\ntwo\n<|doc|>\n<|doc|>\r\nthree\r\n", "f");
  ASSERT_TRUE(documents);
  ASSERT_EQ(documents->size(), 2u);
  EXPECT_EQ((*documents)[0].text, "one\n\ntwo");
  EXPECT_EQ((*documents)[0].line, 2);
  EXPECT_EQ((*documents)[1].text, "three");
  EXPECT_EQ((*documents)[1].line, 7);
}

TEST(SplitDocuments, NamesTheLineThatIsNotUtf8) {
  const auto bad = SplitDocuments("good\n<|doc|>\nfine\nbad \xFF\n", "corpus.txt");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(bad.error().message.find("corpus.txt:4"), std::string::npos) << bad.error().message;
}

TEST(SplitDocuments, HoldsItsLimits) {
  EXPECT_EQ(SplitDocuments("abcdef\n", "f", {.document_bytes_max = 5}).error().code,
            ErrorCode::kTooLarge);
  EXPECT_EQ(SplitDocuments("a\n<|doc|>\nb\n", "f", {.document_count_max = 1}).error().code,
            ErrorCode::kTooLarge);
}

constexpr const char* kGoodChat =
    R"({"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"}]})";

TEST(ParseChats, ReadsRolesAndContent) {
  const auto chats = ParseChats(std::string(kGoodChat) + "\n\n" + kGoodChat, "c.jsonl");
  ASSERT_TRUE(chats) << chats.error().message;
  ASSERT_EQ(chats->size(), 2u);
  EXPECT_EQ((*chats)[1].line, 3);
  EXPECT_EQ((*chats)[0].messages[0].role, tokenizer::ChatMessage::Role::kUser);
  EXPECT_EQ((*chats)[0].PlainText(), "Hi\nHello\n");
}

TEST(ParseChats, NamesFileAndLineOfEachFault) {
  static constexpr struct {
    const char* line;
    const char* says;
  } kCases[] = {
      {"{", "c.jsonl:2"},
      {"[]", "not a JSON object"},
      {R"({"messages":3})", "messages"},
      {R"({"messages":[3]})", "not an object"},
      {R"({"messages":[{"role":"robot","content":"x"}]})", "role"},
      {R"({"messages":[{"role":"user","content":""}]})", "no content"},
      {R"({"messages":[{"role":"user","content":"x"}]})", "answers"},
      {"{\"messages\":\"\xC0\xAF\"}", "UTF-8"},
  };
  for (const auto& test : kCases) {
    const auto chats = ParseChats(std::string(kGoodChat) + "\n" + test.line, "c.jsonl");
    ASSERT_FALSE(chats) << test.line;
    EXPECT_NE(chats.error().message.find("c.jsonl:2"), std::string::npos);
    EXPECT_NE(chats.error().message.find(test.says), std::string::npos) << chats.error().message;
  }
}

TEST(ParseChats, HoldsItsLimits) {
  EXPECT_EQ(ParseChats(kGoodChat, "c", {.line_bytes_max = 20}).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(ParseChats(kGoodChat, "c", {.message_count_max = 1}).error().code,
            ErrorCode::kTooLarge);
}

TEST(FindInvalidUtf8, KnowsOverlongSurrogateAndCutCharacters) {
  EXPECT_EQ(FindInvalidUtf8("a\u00E9\u20AC\U0001F600"), std::string_view::npos);
  for (const char* bad : {"x\x80", "x\xC0\xAF", "x\xE0\x80\x80", "x\xED\xA0\x80",
                          "x\xF4\x90\x80\x80", "x\xE2\x82", "x\xF8"}) {
    EXPECT_EQ(FindInvalidUtf8(bad), 1u) << bad;
  }
}

}  // namespace
}  // namespace holdfast::trainer
