#include "sandbox/internal/worker.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/internal/protocol.h"

namespace holdfast::sandbox {
namespace {

// The input as a file without a name, which nobody can change any more.
Result<Descriptor> SealedInput(std::string_view input) {
  Descriptor file(::memfd_create("sandbox-input", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (file.get() < 0) return Fail(ErrnoError("make a file in memory"));
  while (!input.empty()) {
    const ssize_t count = ::write(file.get(), input.data(), input.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return Fail(ErrnoError("write to a file in memory"));
    input.remove_prefix(static_cast<std::size_t>(count));
  }
  constexpr int kSeals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
  if (::fcntl(file.get(), F_ADD_SEALS, kSeals) != 0) return Fail(ErrnoError("seal the input"));
  return file;
}

struct Ends {
  Descriptor input;
  Descriptor output;
  Descriptor nowhere;
};

// Between fork and exec: only async-signal-safe calls.
[[noreturn]] void BecomeChild(const Ends& ends, char* const* argv, char* const* envp,
                              pid_t parent) {
  // A Ctrl-C in the terminal is the parent's business.
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The parent may have died before prctl.
  if (::getppid() != parent) ::_exit(1);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // Out of the way first: where the parent has closed its own, an end may have the number of
  // another's place.
  const std::array<int, 3> high = {::fcntl(ends.input.get(), F_DUPFD, kErrorFd + 1),
                                   ::fcntl(ends.output.get(), F_DUPFD, kErrorFd + 1),
                                   ::fcntl(ends.nowhere.get(), F_DUPFD, kErrorFd + 1)};
  for (int place = kInputFd; place <= kErrorFd; ++place) ::dup2(high[place], place);
  ::syscall(SYS_close_range, kErrorFd + 1, ~0U, 0);
  ::execve("/proc/self/exe", argv, envp);
  ::_exit(kExitNoProgram);
}

}  // namespace

Descriptor::Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

void Descriptor::Close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<Worker> Worker::Start(std::string_view job_name, std::string_view input) {
  Ends ends;
  TRY_ASSIGN(ends.input, SealedInput(input));
  std::array<int, 2> pipe_fds{};
  if (::pipe2(pipe_fds.data(), O_CLOEXEC) != 0) return Fail(ErrnoError("make a pipe"));
  Descriptor output(pipe_fds[0]);
  ends.output = Descriptor(pipe_fds[1]);
  ends.nowhere = Descriptor(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (ends.nowhere.get() < 0) return Fail(ErrnoError("open /dev/null"));

  std::string program = "holdfast";
  std::string verb = kVerb;
  std::string name(job_name);
  // A zone that needs no file.
  std::string zone = "TZ=UTC0";
  const std::array<char*, 4> argv = {program.data(), verb.data(), name.data(), nullptr};
  const std::array<char*, 2> envp = {zone.data(), nullptr};
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return Fail(ErrnoError("fork"));
  if (pid == 0) BecomeChild(ends, argv.data(), envp.data(), parent);
  // Nobody else reaps it, so the number is still its own.
  Descriptor ended(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  const Error error = ErrnoError("pidfd_open");
  const bool is_known = ended.get() >= 0;
  Worker worker(pid, std::move(ended), std::move(output));
  if (!is_known) return Fail(error);
  return worker;
}

Worker::Worker(Worker&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      ended_(std::move(other.ended_)),
      output_(std::move(other.output_)) {}

Worker::~Worker() {
  if (pid_ < 0) return;
  Kill();
  Reap();
}

void Worker::Kill() const { ::kill(pid_, SIGKILL); }

int Worker::Reap() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return status;
}

}  // namespace holdfast::sandbox
