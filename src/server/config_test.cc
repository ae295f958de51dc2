#include "server/config.h"

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <gtest/gtest.h>
#include <unistd.h>

namespace holdfast::server {
namespace {

class ConfigFile : public ::testing::Test {
 protected:
  Result<Config> Load(const std::string& text, const std::vector<std::string>& environment = {}) {
    std::ofstream(path_) << text;
    return LoadConfig(path_, environment);
  }
  void TearDown() override { std::filesystem::remove(path_); }

  const std::filesystem::path path_ = fmt::format("/tmp/holdfast-config-test-{}.toml", ::getpid());
};

TEST_F(ConfigFile, ReadsValuesAndKeepsDefaults) {
  const Result<Config> config =
      Load("[engine]\nqueue_max = 7\ndeterministic = true\n[model]\npath = \"a.gguf\"\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->engine.queue_max, 7);
  EXPECT_TRUE(config->engine.deterministic);
  EXPECT_EQ(config->model.path, "a.gguf");
  EXPECT_EQ(config->gateway.listen, "localhost:8080");
}

TEST_F(ConfigFile, EnvironmentWins) {
  const Result<Config> config =
      Load("[engine]\nqueue_max = 7\n", {"HOLDFAST_ENGINE_QUEUE_MAX=9", "PATH=/bin"});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->engine.queue_max, 9);
}

TEST_F(ConfigFile, NamesFileAndLineOfWhatIsWrong) {
  struct Case {
    const char* text;
    const char* line;
    const char* what;
  };
  for (const Case& c : {
           Case{"[engine]\n\nqueue_maximum = 7\n", ":3:", "unknown key engine.queue_maximum"},
           Case{"\n[engines]\n", ":2:", "unknown section [engines]"},
           Case{"queue_max = 7\n", ":1:", "unknown section"},
           Case{"[engine]\nqueue_max = 0\n", ":2:", "outside 1.."},
           Case{"[engine]\nqueue_max = \"many\"\n", ":2:", "must be an integer"},
           Case{"[engine]\nqueue_max = 1.5\n", ":2:", "must be an integer"},
           Case{"[engine]\ndeterministic = 1\n", ":2:", "must be true or false"},
           Case{"[gateway]\nlisten = 8080\n", ":2:", "must be a string"},
           Case{"[engine\n", ":1:", ""},
       }) {
    const Result<Config> config = Load(c.text);
    ASSERT_FALSE(config) << c.text;
    EXPECT_NE(config.error().message.find(path_.string() + c.line), std::string::npos)
        << config.error().message;
    EXPECT_NE(config.error().message.find(c.what), std::string::npos) << config.error().message;
  }
}

TEST_F(ConfigFile, NamesTheVariableThatIsWrong) {
  for (const char* variable :
       {"HOLDFAST_ENGINE_QUEUE=1", "HOLDFAST_ENGINE_QUEUE_MAX=many", "HOLDFAST_ENGINE_QUEUE_MAX=0",
        "HOLDFAST_ENGINE_DETERMINISTIC=yes"}) {
    const Result<Config> config = Load("", {variable});
    ASSERT_FALSE(config) << variable;
    const std::string name(variable, std::string_view(variable).find('='));
    EXPECT_NE(config.error().message.find(name), std::string::npos) << config.error().message;
  }
}

TEST_F(ConfigFile, ChecksWhatBelongsTogether) {
  EXPECT_FALSE(Load("[gateway]\ntls_key = \"a.pem\"\n"));
  EXPECT_FALSE(Load("[up]\nrestart_ms_min = 500\nrestart_ms_max = 100\n"));
  EXPECT_FALSE(Load("[log]\nlevel = \"loud\"\n"));
}

TEST(ExampleConfig, HasEveryKeyWithItsDefaultAndMeaning) {
  const std::string path = HOLDFAST_SOURCE_DIR "/deploy/holdfast.toml";
  EXPECT_TRUE(LoadConfig(path, {}));
  std::ifstream file(path);
  std::stringstream content;
  content << file.rdbuf();
  std::string section;
  std::string comment;
  std::set<std::string> seen;
  std::map<std::string, ConfigKey> keys;
  for (const ConfigKey& key : ConfigKeys()) keys[key.name] = key;
  for (std::string line; std::getline(content, line);) {
    if (line.starts_with('[')) section = line.substr(1, line.size() - 2);
    if (line.starts_with('#')) comment += line.substr(1);
    const std::size_t equals = line.find(" = ");
    if (equals != std::string::npos && !line.starts_with('#')) {
      const std::string name = section + "." + line.substr(0, equals);
      ASSERT_TRUE(keys.contains(name)) << name;
      EXPECT_EQ(line.substr(equals + 3), keys[name].default_text) << name;
      EXPECT_NE(comment.find(keys[name].help), std::string::npos) << name << ": " << comment;
      seen.insert(name);
      comment.clear();
    }
    if (line.empty()) comment.clear();
  }
  EXPECT_EQ(seen.size(), keys.size());
}

}  // namespace
}  // namespace holdfast::server
