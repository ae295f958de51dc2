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

TEST_F(ConfigFile, ReadsListsFromBoth) {
  const Result<Config> config =
      Load("[gateway]\nallowed_hosts = [\"a.example\", \"*.b.example\"]\n",
           {"HOLDFAST_GATEWAY_TRUSTED_PROXIES=10.0.0.0/8,::1"});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->gateway.allowed_hosts, (std::vector<std::string>{"a.example", "*.b.example"}));
  EXPECT_EQ(config->gateway.trusted_proxies, (std::vector<std::string>{"10.0.0.0/8", "::1"}));
}

TEST_F(ConfigFile, ReadsThePoolOfEngines) {
  const Result<Config> config = Load(
      "[[engine]]\nqueue_max = 7\n"
      "[[engine]]\nname = \"far\"\nurl = \"https://api.example.com/v1\"\nweight = 2.5\n"
      "models = [\"a\", \"b/c\"]\nkey_file = \"key\"\ntls_ca_file = \"ca.pem\"\n"
      "[[engine]]\nurl = \"unix:/run/e.sock\"\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(config->has_own_engine);
  EXPECT_EQ(config->engine.queue_max, 7) << "an entry without a url is this machine's engine";
  ASSERT_EQ(config->engines.size(), 2u);
  EXPECT_EQ(config->engines[0].name, "far");
  EXPECT_EQ(config->engines[0].weight, 2.5);
  EXPECT_EQ(config->engines[0].models, (std::vector<std::string>{"a", "b/c"}));
  EXPECT_EQ(config->engines[0].key_file, "key");
  EXPECT_EQ(config->engines[1].name, "unix:/run/e.sock");

  const Result<Config> others = Load("[[engine]]\nurl = \"http://10.0.0.7:8000\"\n");
  ASSERT_TRUE(others);
  EXPECT_FALSE(others->has_own_engine);
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
           Case{"[gateway]\nallowed_hosts = \"a\"\n", ":2:", "must be a list of strings"},
           Case{"[gateway]\nallowed_hosts = [1]\n", ":2:", "must be a list of strings"},
           Case{"[[engine]]\nurl = \"http://a:1\"\nqueue_max = 1\n", ":3:", "engine.queue_max"},
           Case{"[[engine]]\nurl = \"http://a:1\"\nweight = \"2\"\n", ":3:", "wrong type"},
           Case{"[[engine]]\nurl = 3\n", ":2:", "must be a string"},
           Case{"[[engine]]\n[[engine]]\n", ":2:", "a second [[engine]] without a url"},
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

TEST(Config, ReadsProvidersAndSaysWhereOneIsWrong) {
  const std::string path = ::testing::TempDir() + "/providers.toml";
  std::ofstream(path) << R"([[oidc]]
id = "school"
name = "School"
issuer = "https://id.school.example"
client_id = "holdfast"
client_secret_file = "/etc/holdfast/school.secret"
domains = ["school.example"]
[[oidc]]
id = "work"
scopes = ["openid"]
)";
  const auto config = LoadConfig(path, {});
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->oidc.size(), 2U);
  EXPECT_EQ(config->oidc[0].issuer, "https://id.school.example");
  EXPECT_EQ(config->oidc[0].domains, std::vector<std::string>{"school.example"});
  EXPECT_EQ(config->oidc[0].scopes, (std::vector<std::string>{"openid", "profile", "email"}));
  EXPECT_EQ(config->oidc[1].scopes, std::vector<std::string>{"openid"});
  for (const char* wrong :
       {"client_secret = \"inline\"", "scopes = \"openid\"", "id = 7", "domains = [7]"}) {
    std::ofstream(path) << "[[oidc]]\n" << wrong << "\n";
    const auto refused = LoadConfig(path, {});
    ASSERT_FALSE(refused) << wrong;
    EXPECT_NE(refused.error().message.find("providers.toml:2"), std::string::npos)
        << refused.error().message;
  }
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
