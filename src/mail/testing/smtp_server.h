// SmtpServer: a real SMTP server (aiosmtpd, tests/support/smtp_server.py), for tests only. Its mail
// lies in a folder of its own, and both go with the object. Single-threaded.
#pragma once

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"

namespace holdfast::mail::testing {

// Generous: test machines are busy.
inline constexpr std::chrono::seconds kPatience{60};

// What a file says once it is there; nullopt when patience ends. A file cannot be waited for.
inline std::optional<std::string> WaitFile(const std::filesystem::path& path) {
  constexpr int kPollMs = 5;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    if (std::ifstream file(path, std::ios::binary); file) {
      std::stringstream content;
      content << file.rdbuf();
      return std::move(content).str();
    }
    ::poll(nullptr, 0, kPollMs);
  }
  return std::nullopt;
}

class SmtpServer {
 public:
  // `arguments` as in the script; port 0: a free one.
  explicit SmtpServer(std::vector<std::string> arguments = {}, int port = 0) {
    char pattern[] = "/tmp/holdfast-smtp-XXXXXX";
    CHECK(::mkdtemp(pattern) != nullptr);
    folder_ = pattern;
    const std::string script = HOLDFAST_SOURCE_DIR "/tests/support/smtp_server.py";
    // Debian's Python: the one in PATH may not have Debian's packages.
    arguments.insert(arguments.begin(),
                     {"/usr/bin/python3", script, folder_.string(), std::to_string(port)});
    Spawn(arguments);
    const std::optional<std::string> listening = WaitFile(folder_ / "port");
    CHECK_MSG(listening.has_value(), "no SMTP server; is python3-aiosmtpd installed?");
    port_ = std::atoi(listening->c_str());
  }
  ~SmtpServer() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  SmtpServer(const SmtpServer&) = delete;
  SmtpServer& operator=(const SmtpServer&) = delete;

  int port() const { return port_; }
  std::string Url(std::string_view host = "127.0.0.1") const {
    return fmt::format("smtp://{}:{}", host, port_);
  }
  // What the script says of the n-th mail, from 1 on, once that is there; empty when patience ends.
  std::string Field(int number, const std::string& name) const {
    return WaitFile(folder_ / std::to_string(number) / name).value_or("");
  }
  bool HasMail(int number) const {
    return std::filesystem::exists(folder_ / std::to_string(number));
  }
  const std::filesystem::path& folder() const { return folder_; }

 private:
  void Spawn(std::vector<std::string>& words) {
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const std::string log = folder_ / "log";
    process_ = ::fork();
    CHECK(process_ >= 0);
    if (process_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int fd = ::open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
    ::dup2(fd, STDOUT_FILENO);
    ::dup2(fd, STDERR_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }

  std::filesystem::path folder_;
  pid_t process_ = -1;
  int port_ = 0;
};

}  // namespace holdfast::mail::testing
