#include "connections/child_process.h"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace holdfast::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kLook{10};
constexpr std::chrono::milliseconds kEndTimeMax{2'000};

std::vector<pid_t> ChildrenOf(pid_t pid) {
  std::istringstream text(ReadText(fmt::format("/proc/{0}/task/{0}/children", pid)));
  std::vector<pid_t> children;
  for (pid_t child = 0; text >> child;) children.push_back(child);
  return children;
}

// The number after `name` in a file of "Name:  123 kB" lines, in bytes.
std::int64_t StatusBytes(const std::string& status, std::string_view name) {
  const std::size_t at = status.find(name);
  if (at == std::string::npos) return 0;
  return std::strtoll(status.c_str() + at + name.size(), nullptr, 10) << 10;
}

void AddUse(pid_t pid, ProcessUse& use) {
  const std::string status = ReadText(fmt::format("/proc/{}/status", pid));
  use.resident_bytes += StatusBytes(status, "VmRSS:");
  use.resident_bytes_peak += StatusBytes(status, "VmHWM:");
  // utime and stime are the 14th and 15th word; the 2nd, in brackets, may have blanks.
  const std::string stat = ReadText(fmt::format("/proc/{}/stat", pid));
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return;
  std::istringstream words(stat.substr(name_end + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) words >> skipped;
  std::int64_t user = 0;
  std::int64_t system = 0;
  words >> user >> system;
  use.cpu_s += static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace

void Pause(std::chrono::milliseconds time) { ::poll(nullptr, 0, static_cast<int>(time.count())); }

std::string ReadText(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream content;
  content << file.rdbuf();
  return std::move(content).str();
}

Result<ChildProcess> ChildProcess::Fork(const std::function<void()>& body) {
  const pid_t pid = ::fork();
  if (pid < 0) return Fail(ErrnoError("fork"));
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    body();
    ::_exit(0);
  }
  return ChildProcess(pid);
}

Result<ChildProcess> ChildProcess::Execute(std::vector<std::string> arguments,
                                           std::vector<std::string> variables,
                                           const std::filesystem::path& folder) {
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!std::string_view(*entry).starts_with("HOLDFAST_")) variables.emplace_back(*entry);
  }
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::vector<char*> envp;
  for (std::string& variable : variables) envp.push_back(variable.data());
  envp.push_back(nullptr);
  const std::string log = folder / "log";
  const pid_t pid = ::fork();
  if (pid < 0) return Fail(ErrnoError("fork"));
  if (pid == 0) {
    // One that nginx's master hands on to its workers.
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    const int fd = ::open(log.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600);
    ::dup2(fd, STDOUT_FILENO);
    ::dup2(fd, STDERR_FILENO);
    if (::chdir(folder.c_str()) == 0) ::execve(argv[0], argv.data(), envp.data());
    ::_exit(127);
  }
  return ChildProcess(pid);
}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this != &other) {
    End();
    pid_ = std::exchange(other.pid_, -1);
  }
  return *this;
}

bool ChildProcess::has_ended() const {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
         info.si_pid == pid_;
}

ProcessUse ChildProcess::Use() const {
  ProcessUse use;
  AddUse(pid_, use);
  for (const pid_t child : ChildrenOf(pid_)) AddUse(child, use);
  return use;
}

void ChildProcess::End() {
  if (pid_ < 0) return;
  const std::vector<pid_t> children = ChildrenOf(pid_);
  ::kill(pid_, SIGTERM);
  const Clock::time_point deadline = Clock::now() + kEndTimeMax;
  while (!has_ended() && Clock::now() < deadline) Pause(kLook);
  // Children that outlived it have no other parent to end them; one that did not is still ours.
  if (!has_ended()) {
    for (const pid_t child : children) ::kill(child, SIGKILL);
    ::kill(pid_, SIGKILL);
  }
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

Result<TempFolder> TempFolder::Make() {
  std::string name = std::filesystem::temp_directory_path() / "holdfast-bench-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) return Fail(ErrnoError("make " + name));
  return TempFolder(name);
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace holdfast::bench
