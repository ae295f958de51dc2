// Files of conversations that come over real sockets: made by Python's zipfile, read by the
// gateway's child.
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/browser.h"
#include "api/running_service.h"

namespace holdfast::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kImport = "/api/conversations/import";

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

// ZIPs of make_zips.py, by name.
class Zips {
 public:
  Zips() {
    const std::string source = HOLDFAST_SOURCE_DIR;
    const std::string command = fmt::format(
        "python3 -W ignore {0}/tests/api/make_zips.py {1} {0}/fuzz/corpus/conversation_import",
        source, folder_.path().string());
    EXPECT_EQ(std::system(command.c_str()), 0);
  }
  std::string operator[](const std::string& name) const { return ReadFile(folder_.path() / name); }

 private:
  TempFolder folder_;
};

std::size_t CountConversations(Browser& browser) {
  return browser.Send("GET", "/api/conversations").Json().at("conversations").as_array().size();
}

TEST(Import, TakesTheZipsOfOthersAndSaysWhatItTook) {
  const Zips zips;
  RunningService running(AccountSettings("open"));
  Browser ada(running.port);
  ASSERT_EQ(ada.Register("ada").status, 201);
  const struct {
    std::string name;
    int conversations;
    int messages;
  } cases[] = {
      {"chatgpt.zip", 2, 4}, {"parts.zip", 4, 8},    {"deepseek.zip", 2, 5},
      {"stored.zip", 2, 4},  {"streamed.zip", 2, 4}, {"zip64.zip", 2, 4},
  };
  std::size_t total = 0;
  for (const auto& [name, conversations, messages] : cases) {
    const Response taken = ada.Upload(kImport, zips[name], "application/zip");
    ASSERT_EQ(taken.status, 200) << name << ": " << taken.body;
    EXPECT_EQ(taken.Json().at("conversations"), conversations) << name;
    EXPECT_EQ(taken.Json().at("messages"), messages) << name;
    total += static_cast<std::size_t>(conversations);
  }
  EXPECT_EQ(CountConversations(ada), total);
  EXPECT_FALSE(ada.Send("GET", "/api/search?q=tides").Json().at("results").as_array().empty());

  // Our own export comes back whole.
  const Response exported = ada.Send("GET", "/api/me/export");
  ASSERT_EQ(exported.status, 200);
  const Response again = ada.Upload(kImport, exported.body, "application/zip");
  ASSERT_EQ(again.status, 200) << again.body;
  EXPECT_EQ(again.Json().at("conversations"), total);
  // So does plain JSON, which the child reads too.
  const Response text = ada.Upload(kImport, R"([{"title":"x","mapping":{}}])", "application/json");
  EXPECT_EQ(text.status, 200) << text.body;
}

TEST(Import, SaysWhatIsWrongWithAZipAndGoesOn) {
  const Zips zips;
  RunningService running(AccountSettings("open"));
  Browser ada(running.port);
  ASSERT_EQ(ada.Register("ada").status, 201);
  const struct {
    std::string name;
    int status;
    std::string says;
  } cases[] = {
      {"none.zip", 400, "The ZIP has no conversations.json."},
      {"empty.zip", 400, "The ZIP has no conversations.json."},
      {"nested.zip", 400, "The ZIP has a ZIP inside"},
      {"bomb.zip", 413, "unpacks to more than 200 times its size"},
      {"lzma.zip", 400, "is packed in a way that is not read here"},
      {"slip.zip", 400, "The name of an entry is not safe: ../../conversations.json"},
      {"link.zip", 400, "is a link, not a file"},
      {"long_name.zip", 413, "more than 512 bytes"},
      {"many.zip", 413, "20001 entries; at most 20000"},
      {"twice.zip", 400, "two entries have the same name"},
      {"overlapping.zip", 400, "The ZIP is damaged"},
      {"encrypted.zip", 400, "is encrypted"},
      {"cut.zip", 400, "The ZIP is damaged"},
      {"changed.zip", 400, "is damaged"},
      {"text.zip", 400, ""},
  };
  for (const auto& [name, status, says] : cases) {
    const Response refused = ada.Upload(kImport, zips[name], "application/zip");
    EXPECT_EQ(refused.status, status) << name << ": " << refused.body;
    EXPECT_THAT(refused.Error("message"), HasSubstr(says)) << name;
  }
  EXPECT_EQ(CountConversations(ada), 0u);
  EXPECT_EQ(ada.Upload(kImport, zips["chatgpt.zip"], "application/zip").status, 200);
}

TEST(Import, RefusesByTheHeadWhatItWouldNotRead) {
  RunningService running([] {
    std::vector<std::string> settings = AccountSettings("open");
    settings.emplace_back("HOLDFAST_GATEWAY_IMPORT_MIB_MAX=8");
    return settings;
  }());
  Browser ada(running.port);
  EXPECT_EQ(ada.Upload(kImport, "{}", "application/json").status, 401) << "without a session";
  ASSERT_EQ(ada.Register("ada").status, 201);
  EXPECT_EQ(ada.Upload(kImport, "x", "text/plain").status, 415);
  // No other endpoint takes a ZIP.
  EXPECT_EQ(ada.Upload("/api/conversations", "PK", "application/zip").status, 415);
  // More than a request may have, and less than a file: spaces around a text are JSON.
  const std::string spaces(std::size_t{6} << 20, ' ');
  const std::string text = R"([{"title":"x","mapping":{}}])";
  EXPECT_EQ(ada.Upload(kImport, spaces + text, "application/json").status, 200);
  const Response large = ada.Upload(kImport, std::string((8 << 20) + 1, ' '), "application/json");
  EXPECT_EQ(large.status, 413) << large.body;
}

TEST(CoreDumps, AreSwitchedOffForEveryProcessOfTheService) {
  RunningService running;
  const auto gateway = running.service->WaitLog("started the gateway, process ");
  ASSERT_TRUE(gateway.has_value());
  for (const pid_t pid :
       {running.service->pid(), running.EnginePid(1), std::atoi(gateway->c_str())}) {
    const std::string limits = ReadFile(fmt::format("/proc/{}/limits", pid));
    const std::size_t at = limits.find("Max core file size");
    ASSERT_NE(at, std::string::npos);
    EXPECT_THAT(limits.substr(at, 50), HasSubstr("0                    0 ")) << pid;
    // What a process that cannot be dumped has under /proc belongs to root.
    struct stat status {};
    ASSERT_EQ(::stat(fmt::format("/proc/{}/environ", pid).c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, 0u) << pid;
    EXPECT_EQ(::access(fmt::format("/proc/{}/environ", pid).c_str(), R_OK) == 0, ::getuid() == 0);
  }
}

}  // namespace
}  // namespace holdfast::testing
