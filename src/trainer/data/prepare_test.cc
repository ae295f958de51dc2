#include "trainer/data/prepare.h"

#include <fstream>

#include <gtest/gtest.h>

#include "crypto/digest.h"
#include "tokenizer/chat_template.h"
#include "trainer/data/chat_tokens.h"
#include "trainer/data/corpus_reader.h"
#include "trainer/data/drills.h"
#include "trainer/data/prepared_set.h"
#include "trainer/data/shard_source.h"
#include "trainer/data/vocabulary.h"

namespace holdfast::trainer {
namespace {

namespace fs = std::filesystem;
using tokenizer::ChatMessage;

std::string Sha256(const std::string& text) {
  crypto::Sha256 digest;
  digest.Update(text);
  return crypto::HexDigest(digest.Finish());
}

// A folder with one text corpus, one chat corpus, templates and the configuration over them.
class PrepareTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    root_ = fs::path(testing::TempDir()) / (std::string("prepare_") + test->name());
    fs::remove_all(root_);
    fs::create_directories(root_ / "corpora");
    SplitMix64 random(11);
    static constexpr const char* kWords[] = {"the",  "fox", "river", "sleeps", "by",    "old",
                                             "mill", "and", "sings", "a",      "quiet", "song"};
    for (int d = 0; d < 300; ++d) {
      text_ += "Story " + std::to_string(d) + ".\n\n";
      for (int i = 0; i < 60; ++i) text_ += std::string(kWords[random.Below(12)]) + " ";
      text_ += "\n<|doc|>\n";
      chat_ += R"({"messages":[{"role":"user","content":"Number )" + std::to_string(d) +
               R"(?"},{"role":"assistant","content":"I saw )" + std::to_string(d) +
               R"("},{"role":"user","content":"and"},{"role":"assistant","content":"no"}]})" + "\n";
    }
    text_ += "Story 7.\n";  // Its own document; exact repeats come twice below.
    text_ += "<|doc|>\nStory 7.\n";
    Write(root_ / "corpora" / "text.txt", text_);
    Write(root_ / "corpora" / "chat.jsonl", chat_);
    Write(
        root_ / "templates.txt",
        "list n: red | blue | green\ndialogue d\n with s = sum, c = n\n U: {s.a} and {s.b}, {c}?\n"
        " A: {c} {s.answer}\n");
  }

  static void Write(const fs::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
  }

  PrepareOptions Options(const std::string& text_sha, const std::string& out = "out") {
    Write(root_ / "data.toml",
          fmt::format("[vocabulary]\nsize = 400\n[heldout]\nshare = 0.1\n"
                      "[[source]]\nname = \"text\"\nfile = \"text.txt\"\nkind = \"text\"\n"
                      "licence = \"CC0\"\norigin = \"here\"\nsha256 = \"{}\"\nplain_bytes = {}\n"
                      "pretrain_epochs = 1\n"
                      "[[source]]\nname = \"chat\"\nfile = \"chat.jsonl\"\nkind = \"chat\"\n"
                      "licence = \"MIT\"\norigin = \"here\"\nsha256 = \"{}\"\nplain_bytes = {}\n"
                      "pretrain_epochs = 1\nfinetune_epochs = 1\nmessages_max = 2\n"
                      "drop_phrases = [\"saw 13\"]\n"
                      "[[templates]]\nname = \"own\"\nfiles = [\"templates.txt\"]\ncount = 500\n"
                      "pretrain_epochs = 1\nfinetune_epochs = 1\n",
                      text_sha, text_.size(), Sha256(chat_), chat_.size()));
    PrepareOptions options;
    options.config = root_ / "data.toml";
    options.corpora = root_ / "corpora";
    options.out = root_ / out;
    options.thread_count = 2;
    return options;
  }

  fs::path root_;
  std::string text_;
  std::string chat_;
};

TEST_F(PrepareTest, MakesShardsTokenizerAndManifest) {
  const auto manifest = PrepareData(Options(Sha256(text_)));
  ASSERT_TRUE(manifest) << manifest.error().message;
  const json::Array& sets = manifest->at("sets").as_array();
  ASSERT_EQ(sets.size(), 3u);
  const json::Object& text = sets[0].as_object();
  EXPECT_EQ(text.at("documents").to_number<int>(), 302);
  EXPECT_EQ(text.at("exact_duplicates_dropped").to_number<int>(), 1);
  EXPECT_EQ(text.at("licence").as_string(), "CC0");

  // What is held out is not trained on, and nothing is lost.
  const auto train = TokenShard::Open(root_ / "out/shards/text.pretrain.tokens");
  const auto heldout = TokenShard::Open(root_ / "out/shards/text.pretrain-heldout.tokens");
  ASSERT_TRUE(train && heldout);
  EXPECT_EQ(train->document_count() + heldout->document_count(), 301);
  EXPECT_GT(heldout->document_count(), 10);
  EXPECT_LT(heldout->document_count(), 60);
  EXPECT_GT(train->vocab_size(), kSpecialTokenCount + 256);  // 12 words have few pairs.
  EXPECT_LE(train->vocab_size(), 400);

  // Chats are cut to two messages; those whose answer has the phrase (13, 130..139) are gone.
  const auto finetune = TokenShard::Open(root_ / "out/shards/chat.finetune.tokens");
  const auto finetune_heldout = TokenShard::Open(root_ / "out/shards/chat.finetune-heldout.tokens");
  ASSERT_TRUE(finetune && finetune_heldout);
  EXPECT_EQ(finetune->document_count() + finetune_heldout->document_count(), 300 - 11);

  const auto source = OpenTokenSource(
      {.sets = {{"text", root_ / "out/shards/text.pretrain.tokens", 0, 1}}, .seed = 1});
  ASSERT_TRUE(source);
  PackedBatch batch;
  EXPECT_TRUE((*source)->Next(4, 64, batch));
}

TEST_F(PrepareTest, GivesTheSameBytesAgainWhateverTheThreads) {
  ASSERT_TRUE(PrepareData(Options(Sha256(text_), "one")));
  PrepareOptions second = Options(Sha256(text_), "two");
  second.thread_count = 1;
  ASSERT_TRUE(PrepareData(second));
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root_ / "one")) {
    if (!entry.is_regular_file()) continue;
    const fs::path other = root_ / "two" / fs::relative(entry.path(), root_ / "one");
    EXPECT_EQ(*ReadPlainFile(entry.path()), *ReadPlainFile(other)) << other;
    ++files;
  }
  EXPECT_EQ(files, 13);
}

TEST_F(PrepareTest, RefusesAFileThatIsNotTheOneOfTheConfiguration) {
  const auto manifest = PrepareData(Options(Sha256("something else")));
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(manifest.error().message.find("text.txt"), std::string::npos);
}

TEST_F(PrepareTest, FinetuneOnlyKeepsTheTokenizer) {
  ASSERT_TRUE(PrepareData(Options(Sha256(text_))));
  PrepareOptions again = Options(Sha256(text_), "again");
  again.is_finetune_only = true;
  EXPECT_EQ(PrepareData(again).error().code, ErrorCode::kInvalidArgument);
  again.tokenizer = root_ / "out/tokenizer";
  ASSERT_TRUE(PrepareData(again));
  EXPECT_FALSE(fs::exists(root_ / "again/shards/text.pretrain.tokens"));
  EXPECT_EQ(*ReadPlainFile(root_ / "again/shards/own.finetune.tokens"),
            *ReadPlainFile(root_ / "out/shards/own.finetune.tokens"));
}

TEST_F(PrepareTest, TrainingChatsAreWhatTheEngineRenders) {
  ASSERT_TRUE(PrepareData(Options(Sha256(text_))));
  const auto spec =
      tokenizer::SpecFromHuggingFace(*ReadPlainFile(root_ / "out/tokenizer/tokenizer.json"),
                                     *ReadPlainFile(root_ / "out/tokenizer/tokenizer_config.json"));
  ASSERT_TRUE(spec) << spec.error().message;
  const auto made = tokenizer::Tokenizer::Make(*spec);
  ASSERT_TRUE(made) << made.error().message;
  const tokenizer::Tokenizer& tokenizer = **made;
  const auto family = tokenizer::DetectChatFamily(tokenizer);
  EXPECT_EQ(family, tokenizer::ChatFamily::kDeepSeekV3);

  const std::vector<ChatMessage> chat = {{ChatMessage::Role::kSystem, "Be kind."},
                                         {ChatMessage::Role::kUser, "Hello <｜User｜> fox 12"},
                                         {ChatMessage::Role::kAssistant, "The river sings."},
                                         {ChatMessage::Role::kUser, "and?"},
                                         {ChatMessage::Role::kAssistant, "No."}};
  const MaskedTokens rendered = RenderTrainingChat(tokenizer, chat);
  ASSERT_EQ(rendered.ids.size(), rendered.mask.size());
  // Before each answer, the ids so far are the engine's prompt; what follows is the answer and EOS.
  for (const std::size_t answer : {std::size_t{2}, std::size_t{4}}) {
    const auto prompt = tokenizer::RenderChat(
        tokenizer, family, {chat.begin(), chat.begin() + static_cast<std::ptrdiff_t>(answer)});
    ASSERT_TRUE(prompt);
    std::vector<std::int32_t> expected = prompt->ids;
    const std::size_t begin = expected.size();
    for (const std::int32_t id : tokenizer.Encode(chat[answer].content, {})) expected.push_back(id);
    expected.push_back(kEosId);
    ASSERT_GE(rendered.ids.size(), expected.size());
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), rendered.ids.begin()));
    EXPECT_EQ(rendered.mask[begin - 1], 0);
    for (std::size_t i = begin; i < expected.size(); ++i) EXPECT_EQ(rendered.mask[i], 1) << i;
    EXPECT_NE(std::find(prompt->stop_ids.begin(), prompt->stop_ids.end(), kEosId),
              prompt->stop_ids.end());
  }
}

TEST(PrepareConfig, NamesWhatIsWrong) {
  const std::string source =
      "[[source]]\nname = \"a\"\nfile = \"a.txt\"\nkind = \"text\"\nlicence = \"x\"\n"
      "origin = \"x\"\nsha256 = \"x\"\nplain_bytes = 3\n";
  ASSERT_TRUE(ParsePrepareConfig(source, "d.toml"));
  const std::pair<std::string, const char*> cases[] = {
      {"x = [", "d.toml:1"},
      {"colour = 3", "colour"},
      {"[vocabulary]\nsize = 3", "size"},
      {"[dedup]\nbands = \"many\"", "bands"},
      {source + "speed = 3", "speed"},
      {source + source, "used twice"},
      {"[[source]]\nname = \"a\"", "file"},
      {source + "finetune_epochs = 1", "only chats"},
      {"source = 3", "source"},
      {source + "[[templates]]\nname = \"A/b\"\nfiles = []", "A/b"},
  };
  for (const auto& [text, says] : cases) {
    const auto config = ParsePrepareConfig(text, "d.toml");
    ASSERT_FALSE(config) << text;
    EXPECT_NE(config.error().message.find(says), std::string::npos) << config.error().message;
  }
  EXPECT_FALSE(
      ParsePrepareConfig("[[source]]\nname = \"a\"\nfile = \"../a\"\nkind = \"text\"\nlicence = "
                         "\"x\"\norigin = \"x\"\n"
                         "sha256 = \"x\"\nplain_bytes = 3\n",
                         "d.toml"));
}

// The starter's own files: they parse, and every dialogue gives plain, short, whole chats.
TEST(StarterTemplates, EveryDialogueDrawsWellFormedChats) {
  const fs::path folder = fs::path(HOLDFAST_SOURCE_DIR) / "models/starter";
  const auto text = ReadPlainFile(folder / "data.toml");
  ASSERT_TRUE(text);
  const auto config = ParsePrepareConfig(*text, "data.toml");
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_FALSE(config->templates.empty());
  std::vector<DialogueGrammar::File> files;
  for (const std::string& name : config->templates[0].files) {
    files.push_back({name, *ReadPlainFile(folder / name)});
  }
  const auto grammar = DialogueGrammar::Parse(files, MakeDrills());
  ASSERT_TRUE(grammar) << grammar.error().message;
  EXPECT_GT(grammar->dialogues().size(), 100u);
  EXPECT_TRUE(grammar->HasList(config->templates[0].generator.system_list));
  SplitMix64 random(2);
  for (const Dialogue& dialogue : grammar->dialogues()) {
    for (int i = 0; i < 60; ++i) {
      for (const ChatMessage& message : grammar->Draw(dialogue, random)) {
        EXPECT_FALSE(message.content.empty()) << dialogue.name;
        EXPECT_LT(message.content.size(), 900u) << dialogue.name;
        EXPECT_EQ(message.content.find_first_of("{}|\\[]"), std::string::npos)
            << dialogue.name << ": " << message.content;
        EXPECT_EQ(message.content.find("  "), std::string::npos) << message.content;
      }
    }
  }
}

}  // namespace
}  // namespace holdfast::trainer
