// The data key of somebody who has logged out, looked for in the gateway's memory. Reading that
// needs root.
#include <chrono>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "api/browser.h"
#include "api/running_service.h"
#include "crypto/key_rotation.h"

namespace holdfast::testing {
namespace {

namespace fs = std::filesystem;

std::string ReadAll(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The child of `parent` that runs `verb`; 0: none.
pid_t FindChild(pid_t parent, std::string_view verb) {
  std::istringstream children(ReadAll(fmt::format("/proc/{0}/task/{0}/children", parent)));
  for (pid_t child; children >> child;) {
    if (ReadAll(fmt::format("/proc/{}/cmdline", child)).find(verb) != std::string::npos) {
      return child;
    }
  }
  return 0;
}

// Whether the bytes stand anywhere in what the process may write to.
bool IsInMemory(pid_t process, std::string_view bytes) {
  std::istringstream maps(ReadAll(fmt::format("/proc/{}/maps", process)));
  std::ifstream memory(fmt::format("/proc/{}/mem", process), std::ios::binary);
  for (std::string line; std::getline(maps, line);) {
    std::size_t begin = 0;
    std::size_t end = 0;
    char mode[5] = {};
    if (std::sscanf(line.c_str(), "%zx-%zx %4s", &begin, &end, mode) != 3 || mode[1] != 'w')
      continue;
    std::string part(end - begin, '\0');
    memory.clear();
    memory.seekg(static_cast<std::streamoff>(begin));
    memory.read(part.data(), static_cast<std::streamsize>(part.size()));
    if (part.find(bytes) != std::string::npos) return true;
  }
  return false;
}

// By the files of the state, as they are now: the gateway holds them for itself.
std::string DataKeyOf(const fs::path& state_dir, std::string_view account_id) {
  TempFolder copy;
  const crypto::KeyFiles files{.ring = copy.path() / "keys",
                               .instance_key = copy.path() / "instance.key",
                               .credentials_folder = std::nullopt};
  fs::copy(state_dir / "keys", files.ring);
  fs::copy(state_dir / "instance.key", files.instance_key);
  const auto ring = crypto::OpenKeyRing(files);
  if (!ring) return {};
  const auto key = (*ring)->Find(account_id);
  if (!key) return {};
  const auto bytes = (*key)->Reveal();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(Memory, HoldsNoDataKeyOfWhoHasLoggedOut) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may read it";
  TempFolder state;
  std::vector<std::string> settings = AccountSettings("open");
  settings.push_back("HOLDFAST_UP_STATE_DIR=" + state.path().string());
  RunningService running(settings);
  Browser ada(running.port);
  const Response made = ada.Register("ada");
  ASSERT_EQ(made.status, 201) << made.body;
  ASSERT_EQ(ada.Send("POST", "/api/conversations", R"({"title":"Foxes"})").status, 201);
  const pid_t gateway = FindChild(running.service->pid(), "gateway");
  ASSERT_NE(gateway, 0);
  const std::string key =
      DataKeyOf(state.path(), made.Json().at("account").at("id").as_string().c_str());
  ASSERT_EQ(key.size(), crypto::DataKey::kBytes);
  EXPECT_TRUE(IsInMemory(gateway, key)) << "it is used, so the search finds it";

  ASSERT_EQ(ada.Send("DELETE", "/api/session").status, 204);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  bool is_there = true;
  while (is_there && std::chrono::steady_clock::now() < deadline)
    is_there = IsInMemory(gateway, key);
  EXPECT_FALSE(is_there);
}

}  // namespace
}  // namespace holdfast::testing
