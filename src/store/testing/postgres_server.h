// PostgresServer: a real PostgreSQL, for tests only, from Debian's package: its data in a folder of
// its own, on a Unix socket there, gone with the object. One for a test program (Shared()).
#pragma once

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/result.h"

namespace holdfast::store::testing {

class PostgresServer {
 public:
  static Result<std::unique_ptr<PostgresServer>> Start() {
    const std::filesystem::path binaries = FindBinaries();
    if (binaries.empty()) return Fail(ErrorCode::kNotFound, "PostgreSQL is not installed");
    char pattern[] = "/tmp/holdfast-postgres-XXXXXX";
    if (::mkdtemp(pattern) == nullptr) return Fail(ErrnoError("make a folder"));
    std::unique_ptr<PostgresServer> server(new PostgresServer(binaries, pattern));
    TRY(server->Prepare());
    return server;
  }

  // Null when it cannot be started.
  static PostgresServer* Shared() {
    static const Result<std::unique_ptr<PostgresServer>> server = Start();
    return server ? server->get() : nullptr;
  }

  ~PostgresServer() {
    // SIGQUIT: at once; nothing of it is needed any more.
    if (process_ > 0) ::kill(process_, SIGQUIT);
    if (process_ > 0) ::waitpid(process_, nullptr, 0);
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  // The URL of a new, empty database.
  Result<std::string> NewDatabase() {
    const std::string name = "test_" + std::to_string(++count_);
    TRY(Run({"createdb", "-h", folder_, "-U", "holdfast", name}));
    return Url(name);
  }

 private:
  PostgresServer(std::filesystem::path binaries, std::string folder)
      : binaries_(std::move(binaries)), folder_(std::move(folder)) {}

  static std::filesystem::path FindBinaries() {
    std::vector<std::filesystem::path> found;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql", ignored)) {
      if (std::filesystem::exists(entry.path() / "bin/postgres")) found.push_back(entry.path());
    }
    return found.empty() ? std::filesystem::path() : *std::ranges::max_element(found) / "bin";
  }

  std::string Url(const std::string& database) const {
    return "postgresql://holdfast@/" + database + "?host=" + folder_;
  }

  // PostgreSQL refuses to run as root.
  pid_t Spawn(const std::vector<std::string>& words) const {
    const pid_t child = ::fork();
    if (child != 0) return child;
    if (::geteuid() == 0) {
      const passwd* const user = ::getpwnam("postgres");
      if (user == nullptr || ::setgid(user->pw_gid) != 0 || ::setuid(user->pw_uid) != 0) _exit(126);
    }
    const int log = ::open((folder_ + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(log, STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    std::vector<std::string> copy = words;
    copy[0] = binaries_ / words[0];
    std::vector<char*> arguments;
    for (std::string& word : copy) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    ::chdir("/");
    ::execv(arguments[0], arguments.data());
    _exit(127);
  }

  Result<void> Run(const std::vector<std::string>& words) const {
    int status = 0;
    if (::waitpid(Spawn(words), &status, 0) < 0 || status != 0) {
      return Fail(ErrorCode::kInternal, "{} fails; see {}/log", words[0], folder_);
    }
    return {};
  }

  Result<void> Prepare() {
    if (::geteuid() == 0) {
      const passwd* const user = ::getpwnam("postgres");
      if (user == nullptr || ::chown(folder_.c_str(), user->pw_uid, user->pw_gid) != 0) {
        return Fail(ErrorCode::kNotFound, "there is no user postgres");
      }
    }
    const std::string data = folder_ + "/data";
    TRY(Run({"initdb", "-D", data, "-U", "holdfast", "-A", "trust", "-E", "UTF8", "--locale=C",
             "--no-sync"}));
    std::ofstream(data + "/postgresql.auto.conf", std::ios::app)
        << "listen_addresses = ''\nunix_socket_directories = '" << folder_
        << "'\nfsync = off\nmax_connections = 40\n";
    process_ = Spawn({"postgres", "-D", data});
    constexpr int kLooksMax = 300;
    for (int i = 0; i < kLooksMax; ++i) {
      if (Run({"pg_isready", "-q", "-h", folder_, "-U", "holdfast", "-t", "1"})) return {};
      ::usleep(50'000);
    }
    return Fail(ErrorCode::kUnavailable, "PostgreSQL does not start; see {}/log", folder_);
  }

  const std::filesystem::path binaries_;
  const std::string folder_;
  pid_t process_ = 0;
  int count_ = 0;
};

}  // namespace holdfast::store::testing
