// What a model's files say beside its weights reaches the answers: the chat template wherever it is
// kept, and every id that ends a generation, from both formats.
#include <cstdlib>
#include <fstream>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "api/running_engine.h"

namespace holdfast::testing {
namespace {

namespace fs = std::filesystem;

// An engine on the model of `path`.
class EngineOn {
 public:
  explicit EngineOn(const fs::path& path)
      : service_({"engine", "--model", path, "--name", "tiny", "--listen", "127.0.0.1:0"}, {}) {
    const auto endpoint = service_.WaitLog("serving 'tiny' on ");
    CHECK_MSG(endpoint.has_value(), "the engine did not start:\n{}", service_.Log());
    port_ = PortIn(*endpoint);
  }
  int port() const { return port_; }

 private:
  Service service_;
  int port_ = 0;
};

// As V3.1's: a turn without thoughts opens with </think>.
constexpr std::string_view kTemplate =
    "{% if '</think>' in m %}{% endif %}<｜Assistant｜>{% if not thinking %}</think>{% endif %}";

json::Object ReadObject(const fs::path& path) {
  std::ifstream file(path);
  return json::Parse(std::string(std::istreambuf_iterator<char>(file), {}))->as_object();
}

json::Value PromptIds(const fs::path& model) {
  const EngineOn engine(model);
  const json::Value answer =
      Post(engine.port(), "/tokenize", R"({"messages":[{"role":"user","content":"hi"}]})").Json();
  return answer.is_object() ? answer.at("tokens") : json::Value(nullptr);
}

TEST(ModelFiles, TheChatTemplateCountsInEitherPlace) {
  TempFolder inside, beside, without;
  for (const TempFolder* folder : {&inside, &beside, &without}) WriteTinyModel(folder->path());
  const fs::path config_path = inside.path() / "tokenizer_config.json";
  json::Object config = ReadObject(config_path);
  config["chat_template"] = kTemplate;
  std::ofstream(config_path) << json::Write(config);
  std::ofstream(beside.path() / "chat_template.jinja") << kTemplate;
  const json::Value wanted = PromptIds(inside.path());
  ASSERT_TRUE(wanted.is_array());
  EXPECT_EQ(PromptIds(beside.path()), wanted);
  EXPECT_NE(PromptIds(without.path()), wanted);
}

// Ids that are told to end an answer, by the configuration of either format.
constexpr int kOtherEnd = 65;
constexpr int kThirdEnd = 66;
constexpr int kNoSuchEnd = 67;

void ExpectEnds(int port, int id, bool is_end) {
  const std::string fields =
      fmt::format(R"("max_tokens":4,"temperature":0,"logit_bias":{{"{}":100}})", id);
  const std::string text = is_end ? "" : std::string(4, static_cast<char>(id));
  const std::string finish = is_end ? "stop" : "length";
  const json::Value chat = Post(port, "/v1/chat/completions", ChatBody(fields)).Json();
  const json::Value& turn = chat.at("choices").at(0);
  EXPECT_EQ(turn.at("message").at("content"), json::Value(text)) << id;
  EXPECT_EQ(turn.at("finish_reason"), json::Value(finish)) << id;
  const json::Value plain =
      Post(port, "/v1/completions", R"({"model":"tiny","prompt":"a",)" + fields + "}").Json();
  EXPECT_EQ(plain.at("choices").at(0).at("text"), json::Value(text)) << id;
  EXPECT_EQ(plain.at("choices").at(0).at("finish_reason"), json::Value(finish)) << id;
}

TEST(ModelFiles, EveryEndIdEndsAnAnswer) {
  TempFolder folder, target;
  WriteTinyModel(folder.path());
  std::ofstream(folder.path() / "generation_config.json")
      << fmt::format(R"({{"eos_token_id":[{},{},{}]}})", kTinyEos, kOtherEnd, kThirdEnd);
  // GGUF has a name for this way to cut text.
  json::Object tokenizer = ReadObject(folder.path() / "tokenizer.json");
  tokenizer["pre_tokenizer"].as_object()["use_regex"] = true;
  std::ofstream(folder.path() / "tokenizer.json") << json::Write(tokenizer);
  const fs::path gguf = target.path() / "tiny.gguf";
  Service convert({"convert", folder.path(), gguf}, {});
  ASSERT_EQ(convert.WaitEnd(), 0) << convert.Log();
  for (const fs::path& model : {folder.path(), gguf}) {
    SCOPED_TRACE(model);
    const EngineOn engine(model);
    ExpectEnds(engine.port(), kOtherEnd, true);
    ExpectEnds(engine.port(), kThirdEnd, true);
    ExpectEnds(engine.port(), kNoSuchEnd, false);
  }
}

TEST(ModelFiles, MoreEndIdsThanTheLimitAreRefused) {
  TempFolder folder;
  WriteTinyModel(folder.path());
  json::Array ids;
  for (int id = 0; id < 100; ++id) ids.push_back(id);
  std::ofstream(folder.path() / "generation_config.json")
      << json::Write(json::Object{{"eos_token_id", std::move(ids)}});
  Service engine({"engine", "--model", folder.path(), "--listen", "127.0.0.1:0"}, {});
  EXPECT_NE(engine.WaitEnd().value_or(0), 0);
  EXPECT_NE(engine.Log().find("end ids are over the limit of 64"), std::string::npos)
      << engine.Log();
}

}  // namespace
}  // namespace holdfast::testing
