// What an operator does with the state of a service: backups, keys and certificates, by the built
// binary, with a gateway that people use.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "api/browser.h"
#include "api/service.h"
#include "store/testing/postgres_server.h"

namespace holdfast::testing {
namespace {

namespace fs = std::filesystem;

constexpr int kExitConfig = 78;  // What a restart cannot mend.
constexpr int kExitFailure = 1;

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t FileCount(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), {}));
}

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

struct Outcome {
  int status = 0;
  std::string log;
};

// A state folder, with or without a gateway on it.
class State {
 public:
  explicit State(fs::path path, std::string database = {})
      : path_(std::move(path)), database_(std::move(database)) {}

  Outcome Run(std::vector<std::string> arguments) const {
    Service verb(std::move(arguments), Variables());
    const std::optional<int> status = verb.WaitEnd();
    return {status.value_or(-1), verb.Log()};
  }

  // Returns its port; 0: it does not start.
  int Start() {
    gateway_ = std::make_unique<Service>(
        std::vector<std::string>{"gateway", "--listen", "127.0.0.1:0"}, Variables());
    const auto url = gateway_->WaitLog("listening on http://");
    port_ = url ? PortIn(*url) : 0;
    return port_;
  }
  int port() const { return port_; }
  void Stop() {
    gateway_->Signal(SIGTERM);
    EXPECT_EQ(gateway_->WaitEnd(), 0) << gateway_->Log();
  }
  std::string Log() const { return gateway_->Log(); }
  const fs::path& path() const { return path_; }

 private:
  std::vector<std::string> Variables() const {
    return {"HOLDFAST_UP_STATE_DIR=" + path_.string(), "HOLDFAST_UP_DRAIN_SECONDS_MAX=1",
            "HOLDFAST_ACCOUNTS_REGISTRATION=open", "HOLDFAST_ACCOUNTS_PASSWORD_MS=1",
            "HOLDFAST_ACCOUNTS_DATABASE=" + database_};
  }

  const fs::path path_;
  const std::string database_;
  std::unique_ptr<Service> gateway_;
  int port_ = 0;
};

std::string NameOfAccount(Browser& browser) {
  const json::Value me = browser.Send("GET", "/api/me").Json();
  const json::Value& account = me.at("account");
  return account.is_null() ? "" : std::string(account.at("name").as_string());
}

class BackupTest : public ::testing::Test {
 protected:
  BackupTest() { std::ofstream(passphrase_) << "seven wet badgers\nnot of it\n"; }

  // Ada registers at `state`, whose gateway goes on; returns her cookie.
  std::string RegisterAda(State& state) {
    Browser ada(state.Start());
    EXPECT_EQ(ada.Register("ada").status, 201) << state.Log();
    return ada.cookie();
  }
  std::string NameAt(State& state, const std::string& cookie) {
    const int port = state.Start();
    if (port == 0) return state.Log();
    Browser browser(port);
    browser.SetCookie(cookie);
    return NameOfAccount(browser);
  }
  Outcome Export(const State& state, const fs::path& file) const {
    return state.Run({"keys", "export", file, "--passphrase-file", passphrase_});
  }
  Outcome Import(const State& state, const fs::path& file) const {
    return state.Run({"keys", "import", file, "--passphrase-file", passphrase_});
  }

  TempFolder folder_, files_;
  fs::path passphrase_ = folder_.path() / "passphrase";
  fs::path backup_ = files_.path() / "backup.db";
  State old_{folder_.path() / "old"};
  State new_{folder_.path() / "new"};
};

TEST_F(BackupTest, PeopleAreThereAgainOnAnotherMachine) {
  const std::string cookie = RegisterAda(old_);
  const Outcome made = old_.Run({"backup", backup_});
  ASSERT_EQ(made.status, 0) << made.log;
  EXPECT_EQ(FileCount(files_.path()), 1u);
  struct stat status {};
  ASSERT_EQ(::stat(backup_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);

  const Outcome restored = new_.Run({"restore", backup_});
  ASSERT_EQ(restored.status, 0) << restored.log;
  EXPECT_TRUE(Contains(restored.log, "must be put back")) << restored.log;
  EXPECT_EQ(new_.Start(), 0) << "it makes no key of its own beside keys of another";
  EXPECT_TRUE(Contains(new_.Log(), "import its export")) << new_.Log();

  const Outcome exported = Export(old_, files_.path() / "key.txt");
  ASSERT_EQ(exported.status, 0) << exported.log;
  const Outcome imported = Import(new_, files_.path() / "key.txt");
  ASSERT_EQ(imported.status, 0) << imported.log;
  EXPECT_EQ(ReadFile(new_.path() / "instance.key"), ReadFile(old_.path() / "instance.key"));
  EXPECT_EQ(NameAt(new_, cookie), "ada");
}

TEST_F(BackupTest, MovesToPostgres) {
  store::testing::PostgresServer* const server = store::testing::PostgresServer::Shared();
  ASSERT_NE(server, nullptr) << "no PostgreSQL";
  const auto url = server->NewDatabase();
  ASSERT_TRUE(url);
  const std::string cookie = RegisterAda(old_);
  old_.Stop();
  ASSERT_EQ(old_.Run({"backup", backup_}).status, 0);
  fs::remove(old_.path() / "keys");
  State moved(old_.path(), *url);
  const Outcome restored = moved.Run({"restore", backup_});
  ASSERT_EQ(restored.status, 0) << restored.log;
  EXPECT_TRUE(Contains(restored.log, "is in its place")) << restored.log;
  EXPECT_EQ(NameAt(moved, cookie), "ada");

  // And back, from there to a file.
  const Outcome again = moved.Run({"backup", files_.path() / "again.db"});
  ASSERT_EQ(again.status, 0) << again.log;
  ASSERT_EQ(new_.Run({"restore", files_.path() / "again.db"}).status, 0);
  fs::copy(old_.path() / "instance.key", new_.path() / "instance.key");
  EXPECT_EQ(NameAt(new_, cookie), "ada");
}

TEST_F(BackupTest, WhoLeavesIsToldWhichBackupsAreKept) {
  const std::string cookie = RegisterAda(old_);
  ASSERT_EQ(old_.Run({"backup", backup_, "--keep-days", "7"}).status, 0);
  EXPECT_NE(old_.Run({"backup", files_.path() / "b.db", "--keep-days", "0"}).status, 0);
  EXPECT_TRUE(Contains(ReadFile(old_.path() / "audit.log"), "backup_made"));
  Browser ada(old_.port());
  ada.SetCookie(cookie);
  const Response gone =
      ada.Send("POST", "/api/me/delete", fmt::format(R"({{"password":"{}"}})", kPassword));
  ASSERT_EQ(gone.status, 200) << gone.body;
  const json::Value receipt = gone.Json().at("receipt");
  const json::Array& made = receipt.at("backups").at("made").as_array();
  ASSERT_EQ(made.size(), 1u);
  constexpr std::int64_t kWeekMs = 7LL * 24 * 60 * 60 * 1000;
  EXPECT_EQ(made[0].at("kept_until").as_int64() - made[0].at("made_at").as_int64(), kWeekMs);
  EXPECT_EQ(receipt.at("backups").at("kept_until"), made[0].at("kept_until"));
}

TEST_F(BackupTest, HoldsNoInstanceKey) {
  RegisterAda(old_);
  ASSERT_EQ(old_.Run({"backup", backup_}).status, 0);
  const std::string key = ReadFile(old_.path() / "instance.key");
  ASSERT_EQ(key.size(), 32u);
  EXPECT_FALSE(Contains(ReadFile(backup_), key));
  EXPECT_TRUE(Contains(ReadFile(old_.path() / "keys").substr(4096), "\1")) << "there is a key";
}

TEST_F(BackupTest, OverwritesNothingAndNeedsAState) {
  RegisterAda(old_);
  std::ofstream(backup_) << "mine";
  EXPECT_EQ(old_.Run({"backup", backup_}).status, kExitConfig);
  EXPECT_EQ(ReadFile(backup_), "mine");
  const Outcome none = new_.Run({"backup", files_.path() / "none.db"});
  EXPECT_EQ(none.status, kExitConfig) << none.log;
  EXPECT_EQ(FileCount(files_.path()), 1u);
  EXPECT_EQ(FileCount(new_.path()), 0u);
}

TEST_F(BackupTest, IsNotRestoredIntoAStateThatHoldsSomething) {
  const std::string cookie = RegisterAda(old_);
  ASSERT_EQ(old_.Run({"backup", backup_}).status, 0);
  const Outcome over = old_.Run({"restore", backup_});
  EXPECT_EQ(over.status, kExitConfig);
  EXPECT_TRUE(Contains(over.log, "empty state only")) << over.log;

  // Only rows: a link that an operator asked for.
  ASSERT_EQ(new_.Run({"admin", "setup-link"}).status, 0);
  EXPECT_EQ(new_.Run({"restore", backup_}).status, kExitConfig);
  EXPECT_FALSE(fs::exists(new_.path() / "keys"));
}

TEST_F(BackupTest, IsNotRestoredWhenItIsDamaged) {
  RegisterAda(old_);
  ASSERT_EQ(old_.Run({"backup", backup_}).status, 0);
  const fs::path bad = files_.path() / "bad.db";
  const struct {
    std::string_view name;
    std::function<void()> make;
  } cases[] = {
      {"missing", [] {}},
      {"no database", [&] { std::ofstream(bad) << std::string(8192, 'x'); }},
      {"no backup", [&] { fs::copy(old_.path() / "holdfast.db", bad); }},
      {"cut off",
       [&] {
         fs::copy(backup_, bad);
         fs::resize_file(bad, fs::file_size(bad) / 2);
       }},
  };
  old_.Stop();
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    fs::remove(bad);
    c.make();
    const Outcome restored = new_.Run({"restore", bad});
    EXPECT_EQ(restored.status, kExitConfig) << restored.log;
    EXPECT_TRUE(!fs::exists(new_.path()) || FileCount(new_.path()) == 0);
    if (c.name == "missing") {
      EXPECT_FALSE(fs::exists(bad));
    }
  }
}

TEST_F(BackupTest, TheInstanceKeyIsChangedWhileTheServiceRunsOrNot) {
  const std::string cookie = RegisterAda(old_);
  const fs::path before = files_.path() / "before.txt";
  ASSERT_EQ(Export(old_, before).status, 0);
  for (const bool is_running : {true, false}) {
    SCOPED_TRACE(is_running);
    if (!is_running) old_.Stop();
    const std::string key = ReadFile(old_.path() / "instance.key");
    const Outcome rotated = old_.Run({"keys", "rotate"});
    ASSERT_EQ(rotated.status, 0) << rotated.log;
    EXPECT_TRUE(Contains(rotated.log, "1 keys rewrapped")) << rotated.log;
    EXPECT_NE(ReadFile(old_.path() / "instance.key"), key);
    EXPECT_EQ(NameAt(old_, cookie), "ada");
  }
  EXPECT_TRUE(Contains(ReadFile(old_.path() / "audit.log"), "keys_rotated"));

  // The key before opens nothing here any more, and is not put in its place.
  old_.Stop();
  fs::remove(old_.path() / "instance.key");
  const Outcome imported = Import(old_, before);
  EXPECT_EQ(imported.status, kExitFailure);
  EXPECT_TRUE(Contains(imported.log, "needs the instance key")) << imported.log;
  EXPECT_FALSE(fs::exists(old_.path() / "instance.key"));
}

TEST_F(BackupTest, AnExportNeedsItsPassphraseAndAKeyIsNotOverwritten) {
  RegisterAda(old_);
  const fs::path file = files_.path() / "key.txt";
  EXPECT_EQ(Export(new_, file).status, kExitConfig) << "there is no key";
  EXPECT_FALSE(fs::exists(new_.path() / "instance.key"));
  ASSERT_EQ(Export(old_, file).status, 0);
  EXPECT_EQ(Export(old_, file).status, kExitConfig) << "the file is there";
  EXPECT_EQ(Import(old_, file).status, kExitConfig) << "the key is there";
  std::ofstream(passphrase_) << "seven dry badgers\n";
  EXPECT_EQ(Import(new_, file).status, kExitConfig);
  std::ofstream(passphrase_) << "\n";
  EXPECT_EQ(Import(new_, file).status, kExitConfig);
  EXPECT_FALSE(fs::exists(new_.path() / "instance.key"));
}

// The two lines that it prints are what the gateway needs.
TEST_F(BackupTest, ASelfSignedCertificateServes) {
  const Outcome made = old_.Run({"certificate", "self-signed", "--name", "chat.example"});
  ASSERT_EQ(made.status, 0) << made.log;
  const fs::path config = folder_.path() / "holdfast.toml";
  std::ofstream(config) << "[gateway]\n" << made.log;
  Service gateway({"gateway", "--listen", "127.0.0.1:0", "--config", config},
                  {"HOLDFAST_UP_STATE_DIR=" + old_.path().string()});
  EXPECT_TRUE(gateway.WaitLog("listening on https://")) << gateway.Log() << made.log;
}

}  // namespace
}  // namespace holdfast::testing
