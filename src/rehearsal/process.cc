#include "rehearsal/process.h"

#include <csignal>
#include <fstream>

#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

namespace holdfast::rehearsal {
namespace {

Result<void> Signal(pid_t pid, int signal) {
  TRY(CheckOurs("process", pid));
  if (::kill(pid, signal) == 0) return {};
  return Fail(ErrorCode::kNotFound, "process {} is gone", pid);
}

}  // namespace

Result<void> CheckOurs(std::string_view name, pid_t pid) {
  struct stat status {};
  const bool is_there = pid > 1 && ::stat(fmt::format("/proc/{}", pid).c_str(), &status) == 0;
  if (is_there && pid != ::getpid() && status.st_uid == ::geteuid()) return {};
  return Fail(ErrorCode::kPermissionDenied, "{}: {} is no process of this user's to act on", name,
              pid);
}

std::optional<std::uint64_t> ResidentKib(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/statm", pid));
  std::uint64_t pages_all = 0;
  std::uint64_t pages = 0;
  if (!(file >> pages_all >> pages) || pages == 0) return std::nullopt;
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) / 1024;
}

Result<void> StopProcess(pid_t pid) { return Signal(pid, SIGSTOP); }
Result<void> ContinueProcess(pid_t pid) { return Signal(pid, SIGCONT); }
Result<void> KillProcess(pid_t pid) { return Signal(pid, SIGKILL); }

Result<void> PinThread(int core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (core >= 0 && core < CPU_SETSIZE) CPU_SET(core, &cores);
  if (::sched_setaffinity(0, sizeof(cores), &cores) == 0) return {};
  return Fail(ErrorCode::kOutOfRange, "this machine has no core {} to run on", core);
}

}  // namespace holdfast::rehearsal
