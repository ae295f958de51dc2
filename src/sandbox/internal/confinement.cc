#include "sandbox/internal/confinement.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>

#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/internal/protocol.h"

namespace holdfast::sandbox {
namespace {

// Landlock's interface as the kernel documents it (userspace-api/landlock). Debian 12's header ends
// at version 2; the kernel that runs us may know more.
struct LandlockRules {
  std::uint64_t files = 0;
  std::uint64_t network = 0;  // From version 4 on.
  std::uint64_t scope = 0;    // From version 6 on.
};
constexpr unsigned kAskVersion = 1U << 0;
constexpr std::uint64_t kNetwork = 0b11;  // Bind and connect TCP.
constexpr std::uint64_t kScope = 0b11;    // Abstract sockets and signals.

// Every right over files that the version knows.
std::uint64_t FileRights(int version) {
  int count = 13;
  if (version >= 2) count = 14;  // Renaming between folders.
  if (version >= 3) count = 15;  // Truncating.
  if (version >= 5) count = 16;  // ioctl of devices.
  return (std::uint64_t{1} << count) - 1;
}

std::size_t RulesBytes(int version) {
  if (version >= 6) return sizeof(LandlockRules);
  return version >= 4 ? offsetof(LandlockRules, scope) : offsetof(LandlockRules, network);
}

Result<void> Limit(__rlimit_resource resource, rlim_t soft, rlim_t hard, const char* what) {
  const rlimit limit{soft, hard};
  if (::setrlimit(resource, &limit) != 0) return Fail(ErrnoError(what));
  return {};
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
// Sanitizers map terabytes for themselves.
Result<void> LimitMemory(std::size_t) { return {}; }
#else
Result<void> LimitMemory(std::size_t bytes_max) {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlim_t limit = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + bytes_max;
  return Limit(RLIMIT_AS, limit, limit, "limit memory");
}
#endif

// With no rule at all: nothing of what it knows is allowed.
Result<void> HoldToLandlock() {
  const int version = LandlockVersion();
  if (version == 0) return {};
  const LandlockRules rules{.files = FileRights(version), .network = kNetwork, .scope = kScope};
  const auto fd = ::syscall(SYS_landlock_create_ruleset, &rules, RulesBytes(version), 0);
  if (fd < 0) return Fail(ErrnoError("Landlock: make the rules"));
  const bool is_held = ::syscall(SYS_landlock_restrict_self, fd, 0) == 0;
  const Error error = ErrnoError("Landlock: hold to the rules");
  ::close(static_cast<int>(fd));
  if (!is_held) return Fail(error);
  return {};
}

// Of a system call's argument, from 0 on: it is `value`; it has none of `bits`.
scmp_arg_cmp Is(unsigned argument, scmp_datum_t value) { return {argument, SCMP_CMP_EQ, value, 0}; }
scmp_arg_cmp HasNone(unsigned argument, scmp_datum_t bits) {
  return {argument, SCMP_CMP_MASKED_EQ, bits, 0};
}

// A filter under construction.
class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_KILL_PROCESS)) {}
  ~Filter() { seccomp_release(context_); }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  template <typename... Conditions>
  void Allow(int call, Conditions... conditions) {
    if (error_ != 0) return;
    const std::array<scmp_arg_cmp, sizeof...(conditions)> all{conditions...};
    error_ = seccomp_rule_add_array(context_, SCMP_ACT_ALLOW, call, all.size(), all.data());
  }

  Result<void> Load() {
    if (error_ == 0) error_ = seccomp_load(context_);
    if (error_ == 0) return {};
    return Fail(ErrorCode::kUnsupported, "seccomp: error {}", -error_);
  }

 private:
  scmp_filter_ctx context_;
  int error_ = 0;
};

}  // namespace

int LandlockVersion() {
  const auto version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, kAskVersion);
  return version < 0 ? 0 : static_cast<int>(version);
}

Result<void> Confine(const JobLimits& limits) {
  TRY(GiveUpPrivileges());
  TRY(LimitResources(limits));
  TRY(GiveUpFiles());
  return GiveUpSystemCalls();
}

Result<void> GiveUpPrivileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Fail(ErrnoError("no new privileges"));
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return Fail(ErrnoError("no core dumps"));
  return {};
}

Result<void> GiveUpFiles() {
  TRY(HoldToLandlock());
  return Limit(RLIMIT_NOFILE, kErrorFd + 1, kErrorFd + 1, "limit descriptors");
}

Result<void> LimitResources(const JobLimits& limits) {
  TRY(LimitMemory(limits.memory_bytes_max));
  const auto seconds = static_cast<rlim_t>(limits.processor_time_max.count());
  // SIGXCPU at the first, which says why; SIGKILL at the second.
  TRY(Limit(RLIMIT_CPU, seconds, seconds + 1, "limit processor time"));
  TRY(Limit(RLIMIT_FSIZE, 0, 0, "limit files"));
  TRY(Limit(RLIMIT_CORE, 0, 0, "limit cores"));
  return Limit(RLIMIT_NPROC, 0, 0, "limit processes");
}

// What computing over memory takes, and writing to the two descriptors that are left. Nothing that
// takes a path, makes a descriptor, a process or executable memory, or reaches another process.
Result<void> GiveUpSystemCalls() {
  Filter filter;
  for (const int call :
       {SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex),
        SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(getrandom), SCMP_SYS(getpid),
        SCMP_SYS(gettid), SCMP_SYS(sched_yield), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
        SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group)}) {
    filter.Allow(call);
  }
  filter.Allow(SCMP_SYS(mmap), HasNone(2, PROT_EXEC));
  filter.Allow(SCMP_SYS(mprotect), HasNone(2, PROT_EXEC));
  filter.Allow(SCMP_SYS(write), Is(0, kOutputFd));
  filter.Allow(SCMP_SYS(write), Is(0, kErrorFd));
  // abort(), of itself.
  filter.Allow(SCMP_SYS(tgkill), Is(0, static_cast<scmp_datum_t>(::getpid())));
  return filter.Load();
}

}  // namespace holdfast::sandbox
